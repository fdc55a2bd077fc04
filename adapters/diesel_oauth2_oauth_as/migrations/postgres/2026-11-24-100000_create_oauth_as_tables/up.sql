-- What `oauth-as` keeps beside its clients, which are in `oauth2_client`. Each table's key is the SHA-256 digest of a
-- secret, or an id; `record` is the rest as JSON without any secret; `sealed` is what only the holder of the secret can
-- read. Times are nanoseconds of the epoch: `oauth-as` compares them exactly.

CREATE TABLE oauth_as_access_token (
    access_token VARCHAR(64) NOT NULL PRIMARY KEY,
    client_id VARCHAR(512) NOT NULL,
    subject VARCHAR(255),
    family_id VARCHAR(255),
    scope TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX oauth_as_access_token_client_idx ON oauth_as_access_token (client_id, subject);
CREATE INDEX oauth_as_access_token_family_idx ON oauth_as_access_token (family_id) WHERE family_id IS NOT NULL;
CREATE INDEX oauth_as_access_token_expires_at_idx ON oauth_as_access_token (expires_at);

CREATE TABLE oauth_as_refresh_token (
    refresh_token VARCHAR(64) NOT NULL PRIMARY KEY,
    client_id VARCHAR(512) NOT NULL,
    subject VARCHAR(255),
    family_id VARCHAR(255) NOT NULL,
    -- NULL: it does not expire.
    expires_at BIGINT,
    record TEXT NOT NULL,
    sealed TEXT
);

CREATE INDEX oauth_as_refresh_token_client_idx ON oauth_as_refresh_token (client_id, subject);
CREATE INDEX oauth_as_refresh_token_family_idx ON oauth_as_refresh_token (family_id);
CREATE INDEX oauth_as_refresh_token_expires_at_idx ON oauth_as_refresh_token (expires_at)
    WHERE expires_at IS NOT NULL;

CREATE TABLE oauth_as_code (
    code VARCHAR(64) NOT NULL PRIMARY KEY,
    client_id VARCHAR(512) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    expires_at BIGINT NOT NULL,
    record TEXT NOT NULL,
    sealed TEXT
);

CREATE INDEX oauth_as_code_client_idx ON oauth_as_code (client_id, subject);
CREATE INDEX oauth_as_code_expires_at_idx ON oauth_as_code (expires_at);

CREATE TABLE oauth_as_device_grant (
    device_code VARCHAR(64) NOT NULL PRIMARY KEY,
    user_code VARCHAR(64) NOT NULL UNIQUE,
    client_id VARCHAR(512) NOT NULL,
    -- Who approved it. NULL: nobody has.
    subject VARCHAR(255),
    expires_at BIGINT NOT NULL,
    record TEXT NOT NULL,
    -- The two codes, readable with the device code and with the user code.
    sealed TEXT NOT NULL,
    sealed_for_user TEXT NOT NULL
);

CREATE INDEX oauth_as_device_grant_client_idx ON oauth_as_device_grant (client_id, subject);
CREATE INDEX oauth_as_device_grant_expires_at_idx ON oauth_as_device_grant (expires_at);

CREATE TABLE oauth_as_pushed_request (
    request_uri VARCHAR(64) NOT NULL PRIMARY KEY,
    client_id VARCHAR(512) NOT NULL,
    expires_at BIGINT NOT NULL,
    sealed TEXT NOT NULL
);

CREATE INDEX oauth_as_pushed_request_client_idx ON oauth_as_pushed_request (client_id);
CREATE INDEX oauth_as_pushed_request_expires_at_idx ON oauth_as_pushed_request (expires_at);

-- Not unique by client and subject: the trait leaves it to its caller.
CREATE TABLE oauth_as_consent (
    consent_id VARCHAR(255) NOT NULL PRIMARY KEY,
    client_id VARCHAR(512) NOT NULL,
    subject VARCHAR(255) NOT NULL,
    granted_at BIGINT NOT NULL,
    record TEXT NOT NULL
);

CREATE INDEX oauth_as_consent_client_idx ON oauth_as_consent (client_id, subject);
CREATE INDEX oauth_as_consent_subject_idx ON oauth_as_consent (subject);

-- The identifiers of assertions and proofs that were used, as digests, until nobody would accept them any more.
CREATE TABLE oauth_as_replay_id (
    replay_id VARCHAR(64) NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX oauth_as_replay_id_expires_at_idx ON oauth_as_replay_id (expires_at);

-- What was revoked, for the requests that are under way: a digest of the client, the family, or the client and the
-- subject.
CREATE TABLE oauth_as_barrier (
    scope VARCHAR(64) NOT NULL PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX oauth_as_barrier_expires_at_idx ON oauth_as_barrier (expires_at);
