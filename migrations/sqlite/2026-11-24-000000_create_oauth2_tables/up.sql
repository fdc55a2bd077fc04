-- The columns are those of authlib's SQLAlchemy mixins. SQLite compares text byte by byte as it stands.

CREATE TABLE oauth2_client (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48) NOT NULL UNIQUE,
    client_secret VARCHAR(255),
    client_id_issued_at BIGINT NOT NULL DEFAULT 0,
    client_secret_expires_at BIGINT NOT NULL DEFAULT 0,
    client_metadata TEXT
);

CREATE TABLE oauth2_code (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id BIGINT,
    code VARCHAR(120) NOT NULL UNIQUE,
    client_id VARCHAR(48) NOT NULL REFERENCES oauth2_client (client_id) ON DELETE CASCADE,
    redirect_uri TEXT,
    response_type TEXT,
    scope TEXT,
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    acr TEXT,
    amr TEXT,
    code_challenge TEXT,
    code_challenge_method VARCHAR(48)
);

CREATE INDEX oauth2_code_client_id_idx ON oauth2_code (client_id);
-- For removing codes by age.
CREATE INDEX oauth2_code_auth_time_idx ON oauth2_code (auth_time);

CREATE TABLE oauth2_token (
    id INTEGER NOT NULL PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48) NOT NULL REFERENCES oauth2_client (client_id) ON DELETE CASCADE,
    token_type VARCHAR(40),
    access_token VARCHAR(255) NOT NULL UNIQUE,
    refresh_token VARCHAR(255),
    scope TEXT,
    issued_at BIGINT NOT NULL,
    access_token_revoked_at BIGINT NOT NULL DEFAULT 0,
    refresh_token_revoked_at BIGINT NOT NULL DEFAULT 0,
    expires_in BIGINT NOT NULL DEFAULT 0
);

-- Not unique, as authlib's is not: a server may keep the refresh token of the row that a refresh replaces.
CREATE INDEX oauth2_token_refresh_token_idx ON oauth2_token (refresh_token) WHERE refresh_token IS NOT NULL;
CREATE INDEX oauth2_token_client_id_idx ON oauth2_token (client_id);
CREATE INDEX oauth2_token_user_id_idx ON oauth2_token (user_id) WHERE user_id IS NOT NULL;
-- For removing tokens by age.
CREATE INDEX oauth2_token_issued_at_idx ON oauth2_token (issued_at);
