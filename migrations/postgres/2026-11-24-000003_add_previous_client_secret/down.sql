ALTER TABLE oauth2_client DROP COLUMN previous_client_secret_expires_at;
ALTER TABLE oauth2_client DROP COLUMN previous_client_secret;
