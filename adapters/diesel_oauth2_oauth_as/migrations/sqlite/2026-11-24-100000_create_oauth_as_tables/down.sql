DROP TABLE oauth_as_barrier;
DROP TABLE oauth_as_replay_id;
DROP TABLE oauth_as_consent;
DROP TABLE oauth_as_pushed_request;
DROP TABLE oauth_as_device_grant;
DROP TABLE oauth_as_code;
DROP TABLE oauth_as_refresh_token;
DROP TABLE oauth_as_access_token;
