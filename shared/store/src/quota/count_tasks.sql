-- By the indexes alone: tasks_pkey, tasks_by_created, reminders_by_task.
SELECT (SELECT count(*) FROM (SELECT FROM tasks WHERE user_id = $1 LIMIT $2) AS task) AS "tasks!",
       (SELECT count(*) FROM tasks WHERE user_id = $1 AND created_at >= $3) AS "created!",
       (SELECT COALESCE(jsonb_object_agg(day, number), '{}')
        FROM (
            SELECT (trigger_time AT TIME ZONE 'UTC')::date AS day, count(*) AS number
            FROM reminders
            WHERE user_id = $1 AND trigger_time >= $3
            GROUP BY 1
        ) AS days) AS "reminders!"
