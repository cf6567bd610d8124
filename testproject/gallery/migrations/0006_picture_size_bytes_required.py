from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("gallery", "0005_measure_pictures")]

    operations = [
        migrations.AlterField(
            "picture", "size_bytes", models.PositiveBigIntegerField(db_default=0, default=0, editable=False)
        ),
    ]
