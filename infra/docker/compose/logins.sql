-- For developers alone: gives each role of a function a login, whose password is its name.
DO $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname LIKE 'kaam\_%' LOOP
        EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role, role);
    END LOOP;
END
$$;
