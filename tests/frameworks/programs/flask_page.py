"""A page of Flask-SQLAlchemy's, whose only setting is a URL: print what a visitor gets."""

import sys

import sqlalchemy
from flask import Flask
from flask_sqlalchemy import SQLAlchemy

_, url, question = sys.argv
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = url
database = SQLAlchemy(app)


@app.get("/")
def page() -> str:
    """Say what the server says of its TLS."""
    return str(database.session.execute(sqlalchemy.text(question)).one()[-1])


print(app.test_client().get("/").get_data(as_text=True))  # noqa: T201 - the answer
