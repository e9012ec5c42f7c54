"""Makes exec sessions and findings by the million with one INSERT … SELECT a table, for benchmarks."""

from django.db import connection, transaction

from ecsaudit.cloudtrail.models import Account
from tests import factories

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
# Seconds since 1970 of session i: 90 days, spread evenly and shuffled by a prime.
EPOCH = "({newest} - CAST(i AS BIGINT) * 7919 % 7776000)"
MOMENT = {
    "sqlite": f"strftime('%Y-%m-%d %H:%M:%S', {EPOCH}, 'unixepoch')",
    "postgresql": f"to_timestamp({EPOCH})",
}
EVENTS = """
INSERT INTO cloudtrail_event
  (account_id, event_id, event_name, event_source, event_time, region, ssm_session_id, collected_at)
{numbers} SELECT {account}, 'event-' || i, 'ExecuteCommand', 'ecs.amazonaws.com', {moment}, 'eu-west-1', '', {moment} FROM n
"""
SESSIONS = """
INSERT INTO execsessions_execsession
  (event_id, account_id, region, kind, mode, outcome, started_at, ended_at, person, identity_kind, role_name, user_arn,
   cluster, service, task_id, container, command, source_ip_address, client, user_agent, error_code, error_message,
   ssm_session_id, finding_count, worst_priority)
SELECT id, account_id, CASE id % 3 WHEN 0 THEN 'eu-west-1' WHEN 1 THEN 'us-east-1' ELSE 'eu-central-1' END,
  CASE WHEN id % 500 = 0 THEN 'around' ELSE 'exec' END, CASE WHEN id % 4 = 0 THEN 'one_shot' ELSE 'shell' END,
  CASE WHEN id % 20 = 0 THEN 'denied' WHEN id % 33 = 0 THEN 'failed' ELSE 'opened' END, event_time, NULL,
  'person' || (id * 31 % 200) || '@example.com', 'sso', 'AWSReservedSSO_Team' || (id % 12) || '_0123456789abcdef',
  'arn:aws:sts::111122223333:assumed-role/x/y', 'cluster-' || (id * 17 % 40), '', '0123456789abcdef0123456789abcdef',
  'container-' || (id % 60), '/bin/sh -c ''ls -la /app/' || (id % 1000) || '''', '203.0.113.' || (id % 250),
  CASE id % 5 WHEN 0 THEN 'sdk' ELSE 'cli' END, 'aws-cli/2.32.10 md/command#ecs.execute-command', '', '', '',
  CASE WHEN id % 3 = 0 THEN 1 ELSE 0 END, CASE WHEN id % 3 = 0 THEN 4 ELSE NULL END
FROM cloudtrail_event
"""
# A finding for every third session, of a usual control; and one in 50,000 of a rare one.
FINDINGS = """
INSERT INTO findings_finding
  (account_id, event_id, session_id, rule, rule_version_id, rule_set_id, priority, tag_set_id, source, output,
   output_fields, region, event_time, created_at)
SELECT account_id, event_id, id, 'rule-' || {tag_set}, NULL, NULL, 4, {tag_set}, 'aws_cloudtrail',
  'An interactive terminal shell has been executed inside an ECS container', '{{}}', region, started_at, started_at
FROM execsessions_execsession WHERE id % {every} = 0
"""
USUAL, RARE = ("PCI_DSS_10.2.1", 3), ("PCI_DSS_10.2.1.7", 50_000)


def fill(count: int, newest: int) -> None:
    """Make `count` sessions of one account, the newest at `newest` (seconds since 1970)."""
    account = Account.objects.create(account_id="111122223333", alias="production", regions=["eu-west-1"])
    words = {
        "account": account.pk,
        "moment": MOMENT[connection.vendor].format(newest=newest),
        "numbers": NUMBERS.format(count=count),
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(EVENTS.format(**words))
        cursor.execute(SESSIONS)
        for tag, every in (USUAL, RARE):
            cursor.execute(FINDINGS.format(tag_set=factories.tag_set(tag).pk, every=every))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
