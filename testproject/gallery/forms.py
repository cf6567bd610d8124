from django import forms

from .models import EXTENSIONS, Picture


class PictureForm(forms.ModelForm):
    class Meta:
        model = Picture
        fields = ["title", "caption", "file"]
        widgets = {"file": forms.FileInput(attrs={"accept": ",".join(f".{each}" for each in EXTENSIONS)})}
