import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    """One directory a month, and pictures only; the files that are there stay where they are."""

    dependencies = [("gallery", "0002_picture_caption")]

    operations = [
        migrations.AlterField(
            "picture",
            "file",
            models.FileField(
                upload_to="pictures/%Y/%m/",
                validators=[
                    django.core.validators.FileExtensionValidator(("gif", "jpeg", "jpg", "png", "webp"))
                ],
            ),
        ),
    ]
