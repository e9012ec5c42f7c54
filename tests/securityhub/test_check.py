"""Each test breaks one thing in a finding that is otherwise right; a check that overlooked it would have Security Hub refuse."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ecsaudit.securityhub.asff import asff
from ecsaudit.securityhub.check import NOTE, WORKFLOW, check
from tests.securityhub.hub_facts import UPDATED_AT, facts

Change = Callable[[dict[str, Any]], object]


def problems(change: Change) -> list[str]:
    finding = copy.deepcopy(asff(facts(), UPDATED_AT))
    change(finding)
    return check(finding)


def test_a_right_finding_has_no_problem() -> None:
    assert problems(lambda finding: None) == []


@pytest.mark.parametrize(
    "name",
    ["SchemaVersion", "Id", "ProductArn", "GeneratorId", "AwsAccountId", "CreatedAt", "UpdatedAt", "Title", "Description",
     "Resources", "Severity"],
)  # fmt: skip
def test_each_required_attribute_is_missed(name: str) -> None:
    assert problems(lambda finding: finding.pop(name)) == [f"{name}: missing"]


def set_in(path: str, value: object) -> Change:
    """Set what lies at `Resources.0.Id`."""

    def change(finding: Any) -> None:
        *parents, last = path.split(".")
        for part in parents:
            finding = finding[int(part) if part.isdigit() else part]
        finding[int(last) if last.isdigit() else last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("Id", "x" * 513, "Id: 513 characters; 512 are allowed"),
        ("Id", "", "Id: empty or blank"),
        ("Title", "x" * 257, "Title: 257 characters; 256 are allowed"),
        ("Title", "𝕐" * 129, "Title: 258 characters; 256 are allowed"),
        ("Title", " \t", "Title: empty or blank"),
        ("Title", "a\nb", "Title: holds a line break"),
        ("Title", "a\u202eb", "Title: holds a line break or a character"),
        ("Title", "a\ud800", "Title: holds half a character"),
        ("Title", 7, "Title: int where text is expected"),
        ("Description", "x" * 1025, "Description: 1,025 characters; 1,024 are allowed"),
        ("SchemaVersion", "2018-10-09", "SchemaVersion: '2018-10-09' is none of 2018-10-08"),
        ("AwsAccountId", "11112222333", "AwsAccountId: '11112222333' is not of the form"),
        ("AwsAccountId", "444455556666", "ProductArn: is of account 111122223333"),
        ("ProductArn", "arn:aws:securityhub:eu-west-1::product/x/y", "ProductArn: 'arn:aws:securityhub:eu-west-1::prod"),
        ("ProductArn", "arn:aws:securityhub:us-east-1:111122223333:product/111122223333/default", "ProductArn: is of Region"),
        ("ProductArn", "arn:aws-cn:securityhub:eu-west-1:111122223333:product/111122223333/default", "Resources[0].Partition"),
        ("Region", "us-east-1", "ProductArn: is of Region eu-west-1"),
        ("CreatedAt", "2026-11-02T09:30:00", "CreatedAt: '2026-11-02T09:30:00' is no time"),
        ("CreatedAt", "2026-11-02 09:30:00Z", "CreatedAt: '2026-11-02 09:30:00Z' is no time"),
        ("CreatedAt", "2026-11-31T09:30:00Z", "CreatedAt: '2026-11-31T09:30:00Z' is a time that does not exist"),
        ("CreatedAt", 1, "CreatedAt: '1' is no time"),
        ("CreatedAt", "2027-11-02T09:30:00Z", "UpdatedAt: before CreatedAt"),
        ("LastObservedAt", "2020-11-02T09:30:00Z", "LastObservedAt: before FirstObservedAt"),
        ("Severity", {"Label": "SEVERE"}, "Severity.Label: 'SEVERE' is none of"),
        ("Severity", {"Original": "x"}, "Severity.Label: missing"),
        ("Severity", {"Label": "LOW", "Product": 1}, "Severity.Product: not an attribute"),
        ("FindingProviderFields.Severity.Label", "low", "FindingProviderFields.Severity.Label"),
        ("Types", ["TTPs/Execution"] * 51, "Types: 51 entries; 0 to 50 are allowed"),
        ("Types", "TTPs", "Types: str where a list is expected"),
        ("Types", ["Tactics/Execution"], "Types[0]: 'Tactics' is no namespace"),
        ("Types", ["TTPs/Executing"], "Types[0]: 'Executing' is no category of TTPs"),
        ("Types", ["TTPs/Execution/a/b"], "Types[0]: 'TTPs/Execution/a/b' is not of the form"),
        ("Resources", [], "Resources: 0 entries; 1 to 32 are allowed"),
        ("Resources", [{"Type": "Other", "Id": "x"}] * 33, "Resources: 33 entries"),
        ("Resources.0.Type", "AwsEcsPod", "Resources[0].Type: 'AwsEcsPod' is none of"),
        ("Resources.1.Id", "637d524791b7457b9e6598414404162a", "Resources[1].Id: '637d52"),
        ("Resources.1.Id", "arn:aws:ecs", "Resources[1].Id: 'arn:aws:ecs' is no ARN"),
        ("Resources.1.Region", "us-east-1", "Resources[1].Region: us-east-1, where the product's is eu-west-1"),
        ("Resources.1.Details", {"AwsEcsTask": {"Colour": "red"}}, "Resources[1].Details.AwsEcsTask.Colour: not an attr"),
        ("Resources.1.Details", {"AwsEcsCluster": {}}, "Resources[1].Details: has AwsEcsCluster for a resource of type"),
        ("ProductFields", {f"k{n}": "v" for n in range(51)}, "ProductFields: 51 entries; 50 are allowed"),
        ("ProductFields", {"k" * 129: "v"}, "ProductFields key: 129 characters; 128 are allowed"),
        ("ProductFields", {"k": "v" * 2049}, "ProductFields['k']: 2,049 characters; 2,048 are allowed"),
        ("ProductFields", {"k": 7}, "ProductFields['k']: int where text is expected"),
        ("ProductFields", {f"k{n}": "ü" * 2048 for n in range(50)}, "the finding has 6"),
        ("Action.ActionType", "CALL", "Action.ActionType: 'CALL' is none of"),
        ("Action.AwsApiCallAction.RemoteIpDetails", {"IpAddressV4": "::1"}, "Action.AwsApiCallAction.RemoteIpDetails.IpA"),
        ("Action.AwsApiCallAction.CallerType", "domain", "Action.AwsApiCallAction.CallerType: domain without DomainDetails"),
        ("Process.Name", "x" * 65, "Process.Name: 65 characters; 64 are allowed"),
        ("Process.Path", "x" * 513, "Process.Path: 513 characters; 512 are allowed"),
        ("Compliance.RelatedRequirements", ["x"] * 33, "Compliance.RelatedRequirements: 33 entries"),
        ("Compliance.Status", "BAD", "Compliance.Status: 'BAD' is none of"),
        ("RecordState", "OPEN", "RecordState: 'OPEN' is none of ACTIVE, ARCHIVED"),
        ("SourceUrl", "javascript:alert(1)", "SourceUrl: 'javascript:alert(1)' is no http"),
        ("FindingProviderFields.Confidence", 101, "FindingProviderFields.Confidence: 101 is no whole number"),
        ("FindingProviderFields.Confidence", True, "FindingProviderFields.Confidence: True is no whole number"),
        ("Note", {"Text": "x"}, "Note: not an attribute that ecsaudit sends"),
        ("Workflow", {"Status": "NEW"}, "Workflow: not an attribute that ecsaudit sends"),
        ("Extra", 1, "Extra: not an attribute that ecsaudit sends"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(path: str, value: object, expected: str) -> None:
    found = problems(set_in(path, value))
    assert any(each.startswith(expected) for each in found), found


@pytest.mark.parametrize("finding", [None, [], "x", 7])
def test_what_is_no_finding_at_all_is_told(finding: object) -> None:
    assert check(finding) == [f": {type(finding).__name__} where an object is expected"]


def test_notes_and_statuses_are_checked_for_the_customer_s_call() -> None:
    assert list(NOTE("Note", {"Text": "x" * 513, "UpdatedBy": "ann"})) == ["Note.Text: 513 characters; 512 are allowed"]
    assert list(WORKFLOW("Workflow", {"Status": "new"})) == [
        "Workflow.Status: 'new' is none of NEW, NOTIFIED, RESOLVED, SUPPRESSED"
    ]
