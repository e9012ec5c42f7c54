from __future__ import annotations

from pathlib import Path

import pytest

from ecsaudit import engine
from ecsaudit.compliance.frameworks import FRAMEWORKS, control_of, control_of_key, controls_of, keys_of, other_tags

RULES = Path(__file__).parents[2] / "rules"


@pytest.mark.parametrize(
    ("tag", "key", "title"),
    [
        ("NIST_800-53_AC-17", "nist-800-53:AC-17", "Remote access"),
        ("NIST_800-53_AU-6(8)", "nist-800-53:AU-6(8)", "Full text analysis of privileged commands"),
        ("NIST 800-53 AC-2", "nist-800-53:AC-2", "Account management"),
        ("nist800_53_au2", "nist-800-53:AU-2", "Event logging"),
        ("NIST_800-53_ZZ-99", "nist-800-53:ZZ-99", ""),
        ("NIST_800-190_3.4.4", "nist-800-190:3.4.4", "App vulnerabilities"),
        ("PCI_DSS_10.2.1", "pci-dss:10.2.1", "Audit logs are enabled and active"),
        ("PCI_DSS-3.2.1_10.1", "pci-dss@3.2.1:10.1", ""),
        ("SOC2_CC6.1", "soc-2:CC6.1", "Logical access security"),
        ("SOC2__CC6.7", "soc-2:CC6.7", "Transmission and removal of information is restricted"),
        ("CIS_AWS-5.0.0_4.5", "cis-aws:4.5", "CloudTrail configuration changes are monitored"),
        ("CIS_AWS-1.3.0_1.4", "cis-aws@1.3.0:1.4", ""),
        ("AWS_FSBP_iam.21", "aws-fsbp:IAM.21", "Customer policies don't allow wildcard actions"),
        ("AWS_FSBP_CloudTrail.1", "aws-fsbp:CloudTrail.1", "A multi-Region trail with management events is enabled"),
        ("MITRE_T1609_container_administration_command", "mitre-attack:T1609", "Container Administration Command"),
        ("MITRE_TA0002_execution", "mitre-attack:TA0002", "Execution"),
        ("T1059", "mitre-attack:T1059", "Command and Scripting Interpreter"),
        ("T1562-impair-defenses", "mitre-attack:T1562", ""),
        ("ISO_27001_A.8.15", "iso-27001:A.8.15", "Logging"),
        ("ISO 27001  A.18.1.3", "iso-27001@2013:A.18.1.3", ""),
        ("HIPAA_164.312(b)", "hipaa:164.312(b)", "Audit controls"),
        ("HIPAA_164.308(a)(1)(ii)(D)", "hipaa:164.308(a)(1)(ii)(D)", "Information system activity review"),
        ("AWS_FSBP_iam.1.", "aws-fsbp:IAM.1", "Policies don't allow full administrative rights"),
    ],
)
def test_a_tag_names_a_control_however_it_is_spelled(tag: str, key: str, title: str) -> None:
    control = control_of(tag)
    assert control is not None
    assert (control.key, control.title) == (key, title)


@pytest.mark.parametrize(
    "tag", ["aws_ecs", "NIST", "NIST_800-53", "PCI_DSS", "SOC2", "MITRE", "maturity_stable", "", "CIS"]
)
def test_other_tags_name_none(tag: str) -> None:
    assert control_of(tag) is None


def test_controls_come_by_framework_and_each_once() -> None:
    tags = ["SOC2_CC6.1", "aws", "NIST_800-53_AC-17", "soc2_cc6.1", "NIST 800-53 AC-17"]
    assert [control.key for control in controls_of(tags)] == ["nist-800-53:AC-17", "soc-2:CC6.1"]
    assert other_tags(tags) == ["aws"]


@pytest.mark.parametrize(
    "tag",
    ["PCI_DSS_10.2.1", "PCI_DSS-3.2.1_10.1", "NIST_800-53_ZZ-99", "MITRE_T1609_x", "ISO_27001_A.9.4.4", "SOC2_CC6.1"],
)
def test_a_control_s_key_leads_back_to_it(tag: str) -> None:
    control = control_of(tag)
    assert control is not None
    assert control_of_key(control.key) == control
    assert control_of_key(control.key).title == control.title  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["", "pci-dss", "pci-dss:", "nothing:10.2.1", "pci-dss@4.0.1:10.2.1", ":", "@:"])
def test_what_is_no_control_s_key_names_none(key: str) -> None:
    assert control_of_key(key) is None


def test_keys_are_those_of_controls_and_of_their_frameworks() -> None:
    assert keys_of(["SOC2_CC6.1", "aws", "PCI_DSS-3.2.1_10.1"]) == {
        "soc-2", "soc-2:CC6.1", "pci-dss", "pci-dss@3.2.1:10.1"
    }  # fmt: skip
    assert keys_of(["aws"]) == frozenset()


def test_every_control_of_the_shipped_rules_is_in_the_catalogue_and_every_framework_has_three_rules() -> None:
    loaded = engine.load_rules([(path.name, path.read_text(encoding="utf-8")) for path in sorted(RULES.glob("*.yaml"))])
    rules: dict[str, set[str]] = {key: set() for key in FRAMEWORKS}
    for rule in loaded.rules:
        for control in controls_of(rule.tags):
            assert control.title, (rule.name, control.key)
            rules[control.framework].add(rule.name)
    assert {key: len(names) for key, names in rules.items() if len(names) < 3} == {}


def test_every_technique_of_the_catalogue_has_its_tactics() -> None:
    attack = FRAMEWORKS["mitre-attack"]
    techniques = [identifier for identifier in attack.controls if not identifier.startswith("TA")]
    assert list(attack.tactics) == techniques
    assert {tactic for tactics in attack.tactics.values() for tactic in tactics} <= set(attack.controls)


def test_a_technique_serves_its_tactics_or_those_of_its_parent() -> None:
    attack = FRAMEWORKS["mitre-attack"]
    assert attack.tactics_of("T1562.008") == ("TA0005",)
    assert attack.tactics_of("T1059.006") == ("TA0002",)
    assert attack.tactics_of("TA0002") == ("TA0002",)
    assert attack.tactics_of("T9999") == ()
