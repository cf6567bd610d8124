from django.db import migrations, models


class Migration(migrations.Migration):
    """The limit is the form's: no column changes."""

    dependencies = [("guestbook", "0002_rename_author_to_name")]

    operations = [
        migrations.AlterField("entry", "message", models.TextField(max_length=1000)),
        migrations.AlterModelOptions(
            "entry", {"ordering": ["-created", "-pk"], "verbose_name_plural": "entries"}
        ),
    ]
