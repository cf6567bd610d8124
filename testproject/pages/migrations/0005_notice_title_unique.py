from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pages", "0004_welcome_notice")]

    operations = [
        migrations.AddConstraint(
            "notice", models.UniqueConstraint(fields=("title",), name="pages_notice_title_unique")
        ),
    ]
