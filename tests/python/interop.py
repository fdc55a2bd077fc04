"""authlib's SQLAlchemy helpers on a database that the Rust test shares with them.

Called as `interop.py URL ACTION [JSON]`; prints one JSON value. The mixins and the helpers are authlib's own,
unmodified.
"""

import json
import sys
import types

from authlib.integrations.sqla_oauth2 import (
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_bearer_token_validator,
    create_query_client_func,
    create_query_token_func,
    create_revocation_endpoint,
    create_save_token_func,
)
from authlib.oauth2 import OAuth2Error
from sqlalchemy import Column, Integer, create_engine
from sqlalchemy.orm import Session, declarative_base

Base = declarative_base()


class Client(Base, OAuth2ClientMixin):
    __tablename__ = "oauth2_client"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


class Token(Base, OAuth2TokenMixin):
    __tablename__ = "oauth2_token"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


class AuthorizationCode(Base, OAuth2AuthorizationCodeMixin):
    __tablename__ = "oauth2_code"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


def main(url, action, argument):
    engine = create_engine(url)
    if action == "create_tables":
        Base.metadata.create_all(engine)
        return None
    with Session(engine) as session:
        return ACTIONS[action](session, argument)


def save_client(session, argument):
    client = Client(client_id=argument["client_id"], client_secret=argument["client_secret"])
    client.set_client_metadata(argument["client_metadata"])
    session.add(client)
    session.commit()


def read_client(session, argument):
    client = create_query_client_func(session, Client)(argument["client_id"])
    return {"client_secret": client.client_secret, "client_metadata": client.client_metadata}


def save_token(session, argument):
    user = types.SimpleNamespace(get_user_id=lambda: argument["user_id"])
    client = create_query_client_func(session, Client)(argument["client_id"])
    request = types.SimpleNamespace(user=user, client=client)
    create_save_token_func(session, Token)(argument["token"], request)


def query_token(session, argument):
    token = create_query_token_func(session, Token)(argument["token"], argument.get("hint"))
    return token and {
        "client_id": token.client_id,
        "user_id": token.user_id,
        "scope": token.get_scope(),
        "expires_in": token.get_expires_in(),
        "token_type": token.token_type,
    }


def validate(session, argument):
    validator = create_bearer_token_validator(session, Token)()
    token = validator.authenticate_token(argument["token"])
    try:
        validator.validate_token(token, argument["scopes"], None)
    except OAuth2Error as error:
        return error.error
    return "valid"


def revoke(session, argument):
    endpoint = create_revocation_endpoint(session, Token)(None)
    request = types.SimpleNamespace(form={"token_type_hint": argument.get("hint")})
    token = endpoint.query_token(argument["token"], argument.get("hint"))
    endpoint.revoke_token(token, request)


def save_code(session, argument):
    session.add(AuthorizationCode(**argument))
    session.commit()


def read_code(session, argument):
    code = session.query(AuthorizationCode).filter_by(code=argument["code"]).one()
    return {
        "client_id": code.client_id,
        "redirect_uri": code.get_redirect_uri(),
        "scope": code.get_scope(),
        "nonce": code.get_nonce(),
        "auth_time": code.get_auth_time(),
        "code_challenge": code.code_challenge,
        "expired": code.is_expired(),
    }


ACTIONS = {
    function.__name__: function
    for function in (
        save_client, read_client, save_token, query_token, validate, revoke, save_code, read_code,
    )
}

if __name__ == "__main__":
    url, action, *rest = sys.argv[1:]
    print(json.dumps(main(url, action, json.loads(rest[0]) if rest else {})))
