from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("guestbook", "0007_remove_empty_entries")]

    operations = [
        migrations.AddConstraint(
            "entry",
            models.CheckConstraint(condition=~models.Q(message=""), name="guestbook_entry_not_empty"),
        ),
    ]
