from django.db import migrations, models


class Migration(migrations.Migration):
    """Empty at first: the next migration measures."""

    dependencies = [("gallery", "0003_picture_file_by_month")]

    operations = [
        migrations.AddField(
            "picture", "size_bytes", models.PositiveBigIntegerField(editable=False, null=True)
        ),
    ]
