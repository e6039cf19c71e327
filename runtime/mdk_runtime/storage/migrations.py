"""How a file of an older version is made one of the newest: one script for each old version, forward only."""

from __future__ import annotations

from typing import Final

FROM_1: Final = """
    ALTER TABLE senders RENAME TO old_senders;
    ALTER TABLE seen RENAME TO old_seen;
    ALTER TABLE logs RENAME TO old_logs;
    ALTER TABLE interactions RENAME TO old_interactions;
    UPDATE old_interactions SET results = '{}' WHERE NOT json_valid(results);
    DROP INDEX logs_by_trace;
    DROP INDEX interactions_by_trace;
    {tables}
    INSERT INTO about VALUES ('created_ms', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));
    INSERT INTO words (text)
        SELECT '' UNION SELECT category FROM old_logs UNION SELECT content_type FROM old_logs
        UNION SELECT environment FROM old_logs UNION SELECT fallback FROM old_logs WHERE fallback IS NOT NULL
        UNION SELECT level FROM old_logs UNION SELECT environment FROM old_interactions
        UNION SELECT fallback FROM old_interactions WHERE fallback IS NOT NULL;
    INSERT INTO senders
        SELECT old_senders.id, node, words.id, words.id FROM old_senders JOIN words ON words.text = '';
    INSERT INTO seen SELECT node, 0, first, last FROM old_seen JOIN old_senders ON old_senders.id = sender;
    INSERT INTO logs
        SELECT old.id, trace, clock, timestamp, sender, none.id, sequence,
            CASE level WHEN 'DEBUG' THEN 1 WHEN 'INFO' THEN 2 WHEN 'WARN' THEN 3 WHEN 'ERROR' THEN 4
                WHEN 'CRITICAL' THEN 5 ELSE 0 END,
            CASE WHEN level IN ('DEBUG', 'INFO', 'WARN', 'ERROR', 'CRITICAL') THEN NULL
                ELSE (SELECT id FROM words WHERE text = level) END,
            (SELECT id FROM words WHERE text = category), (SELECT id FROM words WHERE text = content_type), old.text,
            (SELECT id FROM words WHERE text = environment), (SELECT id FROM words WHERE text = fallback), properties
        FROM old_logs AS old JOIN words AS none ON none.text = '' ORDER BY old.id;
    INSERT INTO log_texts (rowid, text) SELECT id, text FROM logs ORDER BY id;
    INSERT INTO interactions
        SELECT old.id + (SELECT coalesce(max(id), 0) FROM old_logs), uuid, trace, sender, none.id, sequence,
            start_timestamp, end_timestamp, start_clock, end_clock,
            (SELECT id FROM words WHERE text = environment), (SELECT id FROM words WHERE text = fallback),
            EXISTS (SELECT 1 FROM json_each(results) WHERE value = 0), results, NULL
        FROM old_interactions AS old JOIN words AS none ON none.text = '' ORDER BY old.id;
    INSERT INTO seen
        SELECT node, 1, sequence, sequence FROM old_interactions JOIN old_senders ON old_senders.id = sender
        WHERE sequence IS NOT NULL GROUP BY node, sequence;
    INSERT INTO blocks
        SELECT min(id), max(id), min(timestamp), max(timestamp) FROM
            (SELECT id, timestamp FROM logs UNION ALL SELECT id, timestamp FROM interactions)
        GROUP BY id / 1000;
    INSERT INTO log_rates
        SELECT timestamp / 60000, words.text, '', '', level, count(*)
        FROM logs JOIN words ON words.id = environment GROUP BY 1, 2, 5;
    INSERT INTO call_rates
        SELECT timestamp / 60000, words.text, '', '', coalesce(sum(value <> 0), 0), coalesce(sum(value = 0), 0)
        FROM interactions JOIN words ON words.id = environment, json_each(results) GROUP BY 1, 2;
    DROP TABLE old_interactions;
    DROP TABLE old_logs;
    DROP TABLE old_seen;
    DROP TABLE old_senders;
"""
"""Version 1 did not know services; its interactions get row ids behind its logs."""

MIGRATIONS: Final = {1: FROM_1}
"""By the version that a file has. `{tables}` stands for the tables of the newest version, to which each script leads."""
