"""authlib's helpers over SQLAlchemy, as one of the ways that the benchmarks compare.

Called as `authlib.py URL`. Reads one JSON object a line, `{"operation": ..., "inputs": [...]}`, makes the calls and
writes how many nanoseconds they took in all. A call is what a request costs: the helper and the end of its session.
"""

import json
import sys
import time
import types

# The script's own folder comes first on the path, and this file would hide the package.
sys.path.pop(0)

from authlib.integrations.sqla_oauth2 import (  # noqa: E402
    OAuth2AuthorizationCodeMixin,
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_bearer_token_validator,
    create_query_client_func,
    create_query_token_func,
    create_revocation_endpoint,
    create_save_token_func,
)
from sqlalchemy import BigInteger, Column, create_engine, event  # noqa: E402
from sqlalchemy.orm import Session, declarative_base  # noqa: E402

Base = declarative_base()


class Client(Base, OAuth2ClientMixin):
    __tablename__ = "oauth2_client"
    id = Column(BigInteger, primary_key=True)
    user_id = Column(BigInteger)


class Token(Base, OAuth2TokenMixin):
    __tablename__ = "oauth2_token"
    id = Column(BigInteger, primary_key=True)
    user_id = Column(BigInteger)


class AuthorizationCode(Base, OAuth2AuthorizationCodeMixin):
    __tablename__ = "oauth2_code"
    id = Column(BigInteger, primary_key=True)
    user_id = Column(BigInteger)


def connect(url):
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def set_up(connection, _):
            for setting in ("busy_timeout = 5000", "journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                connection.execute(f"PRAGMA {setting}")

    return Session(engine)


class Ways:
    def __init__(self, session):
        self.session = session
        self.query_client = create_query_client_func(session, Client)
        self.save_token = create_save_token_func(session, Token)
        self.query_token = create_query_token_func(session, Token)
        self.validator = create_bearer_token_validator(session, Token)()
        self.revocation = create_revocation_endpoint(session, Token)(None)
        client = types.SimpleNamespace(client_id="s6BhdRkqt3")
        user = types.SimpleNamespace(get_user_id=lambda: 7)
        self.request = types.SimpleNamespace(client=client, user=user, form={"token_type_hint": "access_token"})

    def run(self, operation, inputs):
        name, _, hint = operation.partition(":")
        prepare = getattr(self, f"prepare_{name}", lambda it: it)
        call = getattr(self, f"do_{name}")
        spent = 0
        for it in inputs:
            it = prepare(it)
            began = time.perf_counter_ns()
            call(it, hint) if hint else call(it)
            self.session.close()
            spent += time.perf_counter_ns() - began
        return spent

    def do_query_client(self, client_id):
        # authlib parses the metadata when it is asked for.
        assert self.query_client(client_id).client_metadata

    def do_save_token(self, token):
        self.save_token(token, self.request)

    def do_query_token(self, token, hint):
        assert self.query_token(token, None if hint == "none" else hint)

    def do_validate(self, header):
        _, token = header.split(" ", 1)
        self.validator.validate_token(self.validator.authenticate_token(token), ["profile"], self.request)

    def prepare_revoke(self, token):
        return self.revocation.query_token(token, "access_token")

    def do_revoke(self, token):
        self.revocation.revoke_token(token, self.request)

    def do_redeem(self, code):
        # The three methods that authlib leaves to its user, as its guide has them.
        found = self.session.query(AuthorizationCode).filter_by(code=code, client_id="s6BhdRkqt3").first()
        assert found and not found.is_expired() and found.get_redirect_uri() == "https://client.example.com/cb"
        self.session.delete(found)
        self.session.commit()

    def prepare_rotate(self, pair):
        return self.query_token(pair[0], "refresh_token"), pair[1]

    def do_rotate(self, pair):
        old, token = pair
        self.save_token(token, self.request)
        old.refresh_token_revoked_at = int(time.time())
        self.session.add(old)
        self.session.commit()

    def do_introspect(self, form):
        text = form.partition("=")[2]
        token = self.query_token(text, None)
        assert not token.is_revoked() and not token.is_expired()
        json.dumps({
            "active": True,
            "client_id": token.client_id,
            "token_type": token.token_type,
            "scope": token.get_scope(),
            "sub": str(token.user_id),
            "iat": token.issued_at,
        })

    def do_prune(self, before):
        dead = self.session.query(Token).filter(
            Token.issued_at < before,
            Token.refresh_token_revoked_at > 0,
            Token.refresh_token_revoked_at < before,
        )
        assert dead.delete(synchronize_session=False)
        self.session.commit()


def main(url):
    ways = Ways(connect(url))
    for line in sys.stdin:
        asked = json.loads(line)
        print(ways.run(asked["operation"], asked["inputs"]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
