"""Ways for mail to take, each a settings file of its own that runs:

    python manage.py demo --settings=config.setups.staging

Each begins with the usual settings and changes what is about it.
"""
