ALTER TABLE oauth2_code DROP COLUMN redeemed_at;
ALTER TABLE oauth2_code DROP COLUMN grant_id;

DROP INDEX oauth2_token_grant_id_idx;
ALTER TABLE oauth2_token DROP COLUMN refresh_token_rotated_at;
ALTER TABLE oauth2_token DROP COLUMN grant_id;

DROP TABLE oauth2_grant;
