import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecsaudit.findings.models import Priority
from ecsaudit.findings.severity import SEVERITIES
from ecsaudit.securityhub.asff import asff, digest, finding_id, note, product_fields, requirements_of, types_of
from ecsaudit.securityhub.check import LARGEST_FINDING, NOTE, check, size
from ecsaudit.securityhub.facts import Facts, Principal, Target
from tests.securityhub.hub_facts import UPDATED_AT, facts

CLUSTER = "arn:aws:ecs:eu-west-1:111122223333:cluster/prod"
TASK = "arn:aws:ecs:eu-west-1:111122223333:task/prod/637d524791b7457b9e6598414404162a"


def resources(told: Facts) -> dict[str, Any]:
    """type → the rest of it"""
    return {each["Type"]: each for each in asff(told, UPDATED_AT)["Resources"]}


def test_the_article_s_finding_is_told_whole() -> None:
    finding = asff(facts(), UPDATED_AT)
    assert check(finding) == []
    assert finding["Id"] == (
        "eu-west-1/111122223333/Terminal Shell in ECS Container/a8592389-8e99-4e01-8866-48089aec4f9c"
    )
    assert finding["ProductArn"] == "arn:aws:securityhub:eu-west-1:111122223333:product/111122223333/default"
    assert finding["GeneratorId"] == "ecsaudit/Terminal Shell in ECS Container"
    assert finding["Title"] == "Terminal Shell in ECS Container: prod/web"
    assert (finding["CreatedAt"], finding["UpdatedAt"]) == ("2026-11-02T09:30:59.123Z", "2026-11-02T09:31:00.000Z")
    assert finding["FirstObservedAt"] == finding["LastObservedAt"] == "2026-11-02T09:30:00.000Z"
    assert finding["Severity"] == {"Label": "MEDIUM", "Original": "Warning"}
    assert finding["FindingProviderFields"] == {"Severity": finding["Severity"], "Types": finding["Types"]}
    assert finding["Types"] == ["TTPs/Execution", "Unusual Behaviors/Container"]
    assert finding["Compliance"] == {
        "RelatedRequirements": ["NIST.800-53.r5 AC-2(12)", "PCI DSS v4.0.1/10.2.1"]
    }  # fmt: skip
    assert finding["Process"] == {"Name": "sh", "Path": "/bin/sh"}
    assert finding["Action"]["AwsApiCallAction"] == {
        "Api": "ExecuteCommand",
        "ServiceName": "ecs.amazonaws.com",
        "CallerType": "remoteIp",
        "RemoteIpDetails": {"IpAddressV4": "203.0.113.7"},
        "FirstSeen": "2026-11-02T09:30:00.000Z",
        "LastSeen": "2026-11-02T09:30:00.000Z",
    }
    assert finding["SourceUrl"] == "https://ecsaudit.example/findings/7/"
    assert "Note" not in finding and "Workflow" not in finding


def test_its_product_fields_hold_the_facts_of_the_article_s_output() -> None:
    fields = product_fields(facts())
    assert fields["ecsaudit/RequestingUser"] == "arn:aws:iam::111122223333:user/ops/ana"
    assert fields["ecsaudit/RequestingIp"] == "203.0.113.7"
    assert fields["ecsaudit/Cluster"] == "prod"
    assert fields["ecsaudit/Container"] == "web"
    assert fields["ecsaudit/Command"] == "/bin/sh -c id"
    assert fields["ecsaudit/Task"] == "637d524791b7457b9e6598414404162a"
    assert fields["ecsaudit/output/jevt.value[/awsRegion]"] == "eu-west-1"
    assert "ecsaudit/output/ct.user" not in fields


def test_its_resources_are_container_task_service_cluster_user_and_access_key() -> None:
    found = resources(facts())
    assert list(found) == [
        "AwsEcsContainer", "AwsEcsTask", "AwsEcsService", "AwsEcsCluster", "AwsIamUser", "AwsIamAccessKey",
    ]  # fmt: skip
    assert found["AwsEcsTask"]["Id"] == TASK
    assert found["AwsEcsTask"]["Details"] == {"AwsEcsTask": {"ClusterArn": CLUSTER, "Group": "service:payments"}}
    assert found["AwsEcsCluster"]["Details"] == {"AwsEcsCluster": {"ClusterArn": CLUSTER, "ClusterName": "prod"}}
    assert found["AwsIamUser"]["Details"] == {"AwsIamUser": {"UserName": "ana"}}
    assert found["AwsIamAccessKey"]["Id"] == "AWS::IAM::AccessKey:AKIAEXAMPLEEXAMPLE00"
    assert {(each["Partition"], each["Region"]) for each in found.values()} == {("aws", "eu-west-1")}


def test_an_assumed_role_is_named_by_its_issuer_or_else_by_the_session_s_arn() -> None:
    session = "arn:aws:sts::111122223333:assumed-role/Deploy/ana@example.com"
    issuer = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/Deploy"
    by_issuer = resources(facts(principal=Principal("AssumedRole", session, issuer)))["AwsIamRole"]
    by_session = resources(facts(principal=Principal("AssumedRole", session)))["AwsIamRole"]
    assert (by_issuer["Id"], by_session["Id"]) == (issuer, "arn:aws:iam::111122223333:role/Deploy")
    assert by_issuer["Details"] == by_session["Details"] == {"AwsIamRole": {"RoleName": "Deploy"}}


def test_root_is_the_account_and_a_service_some_other_resource() -> None:
    assert resources(facts(principal=Principal("Root")))["AwsAccount"]["Id"] == "AWS::::Account:111122223333"
    by_service = facts(principal=Principal("AWSService"), person="ecs.amazonaws.com")
    assert resources(by_service)["Other"]["Id"] == "caller ecs.amazonaws.com"


def test_names_that_make_no_arn_are_other_resources() -> None:
    told = facts(target=Target(cluster="pr od", task_id="../..", container="web"), principal=Principal())
    found = [(each["Type"], each["Id"]) for each in asff(told, UPDATED_AT)["Resources"]]
    assert found == [("Other", "container web"), ("Other", "task ../.."), ("Other", "cluster pr od"),
                     ("Other", "caller ana")]  # fmt: skip


def test_where_nothing_is_known_the_account_is_the_resource() -> None:
    told = facts(target=Target(), principal=Principal(), person="")
    assert list(resources(told)) == ["AwsAccount"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("203.0.113.7", {"CallerType": "remoteIp", "RemoteIpDetails": {"IpAddressV4": "203.0.113.7"}}),
        ("ecs.amazonaws.com", {"CallerType": "domain", "DomainDetails": {"Domain": "ecs.amazonaws.com"}}),
        ("2001:db8::1", {}),
        ("AWS Internal", {}),
        ("", {}),
    ],
)
def test_the_caller_is_an_ipv4_address_or_a_service(source: str, expected: dict[str, Any]) -> None:
    call = asff(facts(source_ip_address=source), UPDATED_AT)["Action"]["AwsApiCallAction"]
    assert {name: call[name] for name in call if name.startswith(("Caller", "Remote", "Domain"))} == expected


def test_each_priority_has_its_severity_and_keeps_its_name() -> None:
    assert {priority.label: SEVERITIES[priority].value for priority in Priority} == {
        "Emergency": "CRITICAL",
        "Alert": "CRITICAL",
        "Critical": "CRITICAL",
        "Error": "HIGH",
        "Warning": "MEDIUM",
        "Notice": "LOW",
        "Informational": "INFORMATIONAL",
        "Debug": "INFORMATIONAL",
    }


def test_requirements_are_spelled_as_aws_spells_them() -> None:
    tags = ("CIS_AWS-1.4.0_4.3", "NIST_800-190_3.4.4", "SOC2_CC6.1", "ISO_27001_A.8.15", "ISO_27001_A.9.4.4",
            "PCI_DSS-3.2.1_10.2.1", "HIPAA_164.312(b)", "AWS_FSBP_ECS.4", "mitre_T1609", "aws")  # fmt: skip
    assert requirements_of(facts(tags=tags)) == [
        "NIST.800-190 3.4.4",
        "PCI DSS v3.2.1/10.2.1",
        "SOC 2 CC6.1",
        "CIS AWS Foundations Benchmark v1.4.0/4.3",
        "ISO/IEC 27001:2022 A.8.15",
        "ISO/IEC 27001:2013 A.9.4.4",
        "HIPAA 164.312(b)",
    ]


def test_tactics_become_types_and_what_is_no_way_into_a_container_is_a_user_s_behaviour() -> None:
    tags = ("TA0005", "T1048", "T1485", "TA0043")
    assert types_of(facts(tags=tags, event_name="StopLogging")) == [
        "TTPs/Defense Evasion", "Effects/Data Exfiltration", "Effects/Data Destruction", "Unusual Behaviors/User",
    ]  # fmt: skip


@pytest.mark.parametrize(("region", "partition"), [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")])
def test_other_partitions_have_their_own_arns(region: str, partition: str) -> None:
    finding = asff(facts(region=region), UPDATED_AT)
    assert check(finding) == []
    assert finding["ProductArn"].startswith(f"arn:{partition}:securityhub:{region}:")
    assert finding["Resources"][1]["Id"].startswith(f"arn:{partition}:ecs:{region}:")


def test_an_archived_finding_says_so() -> None:
    assert asff(facts(is_archived=True), UPDATED_AT)["RecordState"] == "ARCHIVED"
    assert asff(facts(), UPDATED_AT)["RecordState"] == "ACTIVE"


def test_an_id_keeps_apart_what_looks_the_same_and_is_never_too_long() -> None:
    told = [facts(rule="a/b", event_id="c"), facts(rule="a", event_id="b/c"), facts(rule="a\nb", event_id="c"),
            facts(rule="a b", event_id="c"), facts(rule="a  b", event_id="c"), facts(rule="x" * 256, event_id="y" * 128),
            facts(rule="x" * 256, event_id="𝕐" * 128)]  # fmt: skip
    ids = [finding_id(each) for each in told]
    assert len(set(ids)) == len(ids)
    assert all(check(asff(each, UPDATED_AT)) == [] for each in told)
    assert ids[-1] == finding_id(replace(told[-1], output="other", priority=Priority.DEBUG))


def test_the_time_of_the_update_is_no_part_of_the_digest_and_all_else_is() -> None:
    first = asff(facts(), UPDATED_AT)
    assert digest(first) == digest(asff(facts(), datetime(2027, 1, 1, tzinfo=UTC)))
    assert digest(first) != digest(asff(facts(is_archived=True), UPDATED_AT))


def test_long_text_is_cut_between_characters_with_an_ellipsis() -> None:
    finding = asff(facts(output="𝕐" * 2000, target=Target()), UPDATED_AT)
    assert finding["Description"] == "𝕐" * 511 + "…"


def test_a_finding_that_would_be_too_large_loses_the_last_of_its_product_fields_first() -> None:
    fields = {f"field {number}": "ü" * 5_000 for number in range(40)}
    finding = asff(facts(output_fields=fields), UPDATED_AT)
    assert size(finding) <= LARGEST_FINDING
    assert check(finding) == []
    assert finding["ProductFields"]["ecsaudit/Rule"] == "Terminal Shell in ECS Container"
    assert 10 < len(finding["ProductFields"]) < 50


def test_a_note_says_who_and_why_in_512_characters() -> None:
    assert note("Expected: nightly job", "ann") == {"Text": "Expected: nightly job", "UpdatedBy": "ecsaudit ann"}
    assert note("\x00" * 9 + "x" * 900, "")["UpdatedBy"] == "ecsaudit"
    assert list(NOTE("", note("\n" * 9 + "x" * 900, "\ud800"))) == []
    assert note("\n", "")["Text"] == "No reason was given."


ANY_TEXT = st.text(alphabet=st.characters(), max_size=40) | st.sampled_from(
    ["", " ", "\n", "\x00", "\u202e", "\ud800", "e\u0301" * 700, "𝕐" * 3000, "a" * 9000, "/", "//", "arn:", "x:",
     "arn:aws:iam::111122223333:role/" + "r" * 64, "arn:aws:sts::111122223333:assumed-role/r/" + "\n", "x" * 255,
     "arn:aws:ecs:eu-west-1:111122223333:container/x", "arn:aws:iam::111122223333:user/" + "p/" * 300 + "u",
     "AKIAEXAMPLEEXAMPLE00", "203.0.113.7", "256.1.1.1", "::1", "ecs.amazonaws.com", "</script>", "=cmd|x", "Root"]
)  # fmt: skip
TAGS = ANY_TEXT | st.sampled_from(
    ["T1059", "TA0040", "T9999.999", "PCI_DSS_10." + "1." * 40 + "1", "NIST_800-53_AC-2" + "(1)" * 40, "SOC2_CC6.1"]
)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT, st.lists, max_leaves=4)
HOSTILE = st.builds(
    Facts,
    account_id=st.just("111122223333"),
    region=st.sampled_from(["eu-west-1", "cn-north-1", "us-gov-east-1"]),
    event_id=ANY_TEXT, event_name=ANY_TEXT | st.just("ExecuteCommand"), event_source=ANY_TEXT, event_time=MOMENTS,
    created_at=MOMENTS, rule=ANY_TEXT, priority=st.sampled_from(Priority), output=ANY_TEXT, is_archived=st.booleans(),
    tags=st.lists(TAGS, max_size=60).map(tuple), person=ANY_TEXT,
    principal=st.builds(Principal, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    target=st.builds(Target, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    command=ANY_TEXT, source_ip_address=ANY_TEXT, user_agent=ANY_TEXT, ssm_session_id=ANY_TEXT, error_code=ANY_TEXT,
    url=st.just("") | st.just("https://ecsaudit.example/findings/7/") | st.just("https://e.example/" + "x" * 3000),
    output_fields=st.dictionaries(ANY_TEXT, JSON, max_size=60),
)  # fmt: skip


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(HOSTILE, MOMENTS)
def test_whatever_the_finding_it_passes_the_check(told: Facts, updated_at: datetime) -> None:
    finding = asff(told, updated_at)
    assert check(finding) == []
    assert json.loads(json.dumps(finding)) == finding
    assert finding["Id"] == asff(told, datetime(2026, 1, 1, tzinfo=UTC))["Id"]
