from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0001_initial")]

    operations = [
        migrations.AddField(
            "picture", "caption", models.CharField(blank=True, db_default="", default="", max_length=200)
        ),
    ]
