"""authlib's OAuth2Session against the running example.

Called as `session.py JSON`, where the JSON names the server, the client and the user. Every flow is a real one over
HTTP; a wrong answer ends the program with a traceback.
"""

import html
import json
import os
import re
import sys

import requests

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # http on loopback
from authlib.common.security import generate_token  # noqa: E402
from authlib.integrations.base_client import OAuthError  # noqa: E402
from authlib.integrations.requests_client import OAuth2Session  # noqa: E402


def main(server, client_id, client_secret, redirect_uri, username, password):
    at = lambda path: server + path  # noqa: E731
    metadata = requests.get(at("/.well-known/oauth-authorization-server"), timeout=30).json()
    assert metadata["issuer"] == server, metadata
    token_endpoint = metadata["token_endpoint"]
    session = OAuth2Session(
        client_id,
        client_secret,
        token_endpoint_auth_method="client_secret_basic" if client_secret else "none",
        revocation_endpoint_auth_method="client_secret_basic" if client_secret else "none",
        scope="profile",
        redirect_uri=redirect_uri,
        code_challenge_method="S256",
    )

    # Code with PKCE. The user's form has the three visible fields alone: cookies are enough for a program.
    verifier = generate_token(48)
    url, state = session.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier
    )
    user = requests.Session()
    assert user.get(url, timeout=30).status_code == 200
    form = {"username": username, "password": password, "decision": "allow"}
    answer = user.post(url, data=form, allow_redirects=False, timeout=30)
    assert answer.status_code == 303, answer.text
    token = session.fetch_token(
        token_endpoint, authorization_response=answer.headers["location"], state=state, code_verifier=verifier
    )
    assert token["token_type"] == "Bearer" and token["scope"] == "profile", token.keys()
    me = session.get(at("/api/me"), timeout=30)
    assert me.status_code == 200 and me.json()["username"] == username, me.text

    # Refresh, by the session itself.
    old = token["access_token"]
    token = session.refresh_token(token_endpoint, refresh_token=token["refresh_token"])
    assert token["access_token"] != old
    assert session.get(at("/api/me"), timeout=30).status_code == 200

    # Introspect and revoke. A public client may not introspect.
    if client_secret:
        told = session.introspect_token(
            metadata["introspection_endpoint"], token=token["access_token"], token_type_hint="access_token"
        ).json()
        assert told["active"] and told["username"] == username and told["client_id"] == client_id, told
    revoked = session.revoke_token(
        metadata["revocation_endpoint"], token=token["refresh_token"], token_type_hint="refresh_token"
    )
    assert revoked.status_code == 200, revoked.text
    refused = requests.get(
        at("/api/me"), headers={"Authorization": "Bearer " + token["access_token"]}, timeout=30
    )
    assert refused.status_code == 401 and 'error="invalid_token"' in refused.headers["www-authenticate"]
    try:
        session.refresh_token(token_endpoint, refresh_token=token["refresh_token"])
    except OAuthError as error:
        assert error.error == "invalid_grant", error
    else:
        raise AssertionError("a revoked token was refreshed")

    if client_secret:
        own = OAuth2Session(client_id, client_secret, scope="profile")
        token = own.fetch_token(token_endpoint, grant_type="client_credentials")
        assert "refresh_token" not in token
        assert own.get(at("/api/me"), timeout=30).json() == {"client_id": client_id, "scope": "profile"}

    # What a browser with scripts off shows: no text of the form is left unescaped.
    page = user.get(url, timeout=30).text
    assert html.unescape(re.search("<h1>(.*?)</h1>", page).group(1)).endswith("asks for access")


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
