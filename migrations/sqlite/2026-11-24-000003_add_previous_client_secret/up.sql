-- The secret before the current one, which stays valid for a while after it was replaced.

ALTER TABLE oauth2_client ADD COLUMN previous_client_secret VARCHAR(255);
ALTER TABLE oauth2_client ADD COLUMN previous_client_secret_expires_at BIGINT NOT NULL DEFAULT 0;
