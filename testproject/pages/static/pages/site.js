// Under a text area marked data-counter: how many characters are left.
for (const area of document.querySelectorAll("textarea[data-counter][maxlength]")) {
  const counter = document.createElement("p");
  counter.className = "quiet";
  const show = () => {
    counter.textContent = `${area.maxLength - area.value.length} characters left`;
  };
  area.addEventListener("input", show);
  area.after(counter);
  show();
}
