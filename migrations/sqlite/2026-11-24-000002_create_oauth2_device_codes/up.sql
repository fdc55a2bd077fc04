-- What a device polls with and what its user types in (RFC 8628).
--
-- No foreign key: authlib's own table of clients may lack the unique index.

CREATE TABLE oauth2_device_code (
    id INTEGER NOT NULL PRIMARY KEY,
    device_code VARCHAR(120) NOT NULL UNIQUE,
    user_code VARCHAR(120) NOT NULL UNIQUE,
    client_id VARCHAR(48) NOT NULL,
    scope TEXT,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    poll_interval BIGINT NOT NULL,
    last_polled_at BIGINT NOT NULL DEFAULT 0,
    user_id BIGINT,
    grant_id BIGINT,
    approved_at BIGINT NOT NULL DEFAULT 0,
    denied_at BIGINT NOT NULL DEFAULT 0,
    redeemed_at BIGINT NOT NULL DEFAULT 0
);

-- For removing device codes by age.
CREATE INDEX oauth2_device_code_issued_at_idx ON oauth2_device_code (issued_at);
