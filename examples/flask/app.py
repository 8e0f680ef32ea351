"""Flask-SQLAlchemy, by the URL alone: ``plugin=rds_tls`` in it is all that is new, and no line of the program is.

    pip install 'rds-tls[mysql,sqlalchemy]' flask-sqlalchemy
    DATABASE='db.cluster-abc123def456.eu-west-1.rds.amazonaws.com/shop'
    DATABASE_URL="mysql+pymysql://app:...@$DATABASE?plugin=rds_tls&rds_tls_connect_timeout=10" flask run

Run it in this folder. ``rds_tls_connect_timeout=10`` is there so that a misspelt ``plugin`` is refused: SQLAlchemy
drops one without a word, and no driver knows the option. With ``rds_tls_iam=true`` in place of the password each
new connection has a token.
"""

import os

import sqlalchemy
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
database = SQLAlchemy(app)


@app.get("/")
def show() -> dict[str, str]:
    """Say what carries the connection."""
    return {"tls": database.session.execute(sqlalchemy.text("SHOW STATUS LIKE 'Ssl_version'")).one()[1]}
