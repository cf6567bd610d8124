from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pages", "0002_notice_published")]

    operations = [migrations.AlterField("notice", "title", models.CharField(max_length=100))]
