import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Notices can be written ahead of time, and the newest comes first."""

    dependencies = [("pages", "0001_initial")]

    operations = [
        migrations.AddField("notice", "published", models.DateTimeField(default=django.utils.timezone.now)),
        migrations.AlterModelOptions("notice", {"ordering": ["-published"]}),
    ]
