package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats lists the portal's threat model. Each threat names the tests that prove its controls.
// Comments of tests refer to threats as T1 to T25, and to the rules against T1 (confused
// deputy) as CD-1 to CD-9:
//
//	CD-1  a request names an account by its alias; ids, roles and hosts come only from the policy and the tables
//	CD-2  the resource name of a role is built from the account and the role of the policy
//	CD-3  the policy decides before the first call of the cloud, STS included
//	CD-4  one rule must allow the whole request; two rules are never combined
//	CD-5  an answer depends on what exists in an account only if the policy allows the sender to see it
//	CD-6  Detail, Options, Include and Exclude are built from typed fields, never copied
//	CD-7  credentials and answers that were obtained for one principal are never used for another
//	CD-8  a job id is used only with the account, region and submission with which it was stored
//	CD-9  a request has the groups and the policy of its own moment
var threats = []struct {
	name, what string
	tests      string
}{
	{"T1", "confused deputy: the caller chooses an account, a role or an ARN that only the portal may use", `
		TestDecideAgainstReference TestMembers TestForeignRulesAndAccountsAreHidden TestGrantsAreNotCombined TestInvalidTokensAreRefused
		TestInvalidPipelineTokensAreRefused TestSessionsAreNotShared TestCrossAccountParametersNameAnAccountOfThePolicy
		TestPrincipalsCannotUseOthersAccounts TestRequestsNameAccountsOnlyByAlias TestTagsDecideWhatMayBeBackedUp TestTagsAreReadWithTheRightRole`},
	{"T2", "mass assignment: unknown values of a request reach the cloud", "TestDecodeJSON FuzzDecodeJSON TestCreateSendsParametersInBody TestBodyWinsOverQuery TestRequestsNameAccountsOnlyByAlias"},
	{"T3", "a backup runs a script on an instance, or copies data to another region", "TestScriptPathsAreExact TestDecideAgainstReference"},
	{"T4", "cross-site requests: forms of other sites", "TestOtherSitesCannotStartBackups TestScripts"},
	{"T5", "framing", "TestPagesRefuseFrames TestEveryAnswerIsProtected"},
	{"T6", "scripts in pages", "TestHostileValuesStayText TestHostileAddressesAreNoLinks TestNothingIsInline TestEveryAnswerIsProtected"},
	{"T7", "the portal sends requests to an address that an attacker chose", `
		TestOnlyHostsOfTheCloudAreCalled TestUnknownRegionsAreRefused TestNetworkConnectionsAreListed
		TestRedirectIsNotFollowed TestNonPublicAddressesGetNothing TestOnlyPublicAddressesAreAllowed TestEndpointChecks TestRedirectsAreNotFollowed`},
	{"T8", "text from outside that changes the display of logs or makes links in chats", "TestCleanMessageRemovesControlCharacters TestMessagesAreCleanedAndCut TestInertTexts TestInertMessages"},
	{"T9", "secrets in logs, errors and pages", `
		TestSecretNeverPrints TestCredentialsNeverPrint TestExternalIDNeverPrints TestErrorsContainNoSecret TestNoOutputContainsASecret TestEncodersPrintNoSecret
		TestWeakSecretsAreRefused TestInvalidWebhooksAreRefused TestSignInAtForeignProviders`},
	{"T10", "forged and repeated webhooks", `
		TestVerifyPublishedVectors TestVerifyBoundaries TestVerifyRejectsAnyChangedByte TestVerifyRejectsAnyChangedByteFromGitHub FuzzSignatures TestVerifySignaturesOfStandardWebhooksLibrary TestVerifySignatureOfOpenSSL TestWebhookMakesOneBackup TestInvalidWebhooksAreRefused`},
	{"T11", "finding out what there is", "TestAccessOfOthersIsNotChecked TestCandidatesOfOthersAreNotFound TestHiddenIsLikeMissing TestForeignRulesAndAccountsAreHidden TestListLeavesOutWhatItsReaderMayNotSee"},
	{"T12", "many backups or requests, which cost money", "TestFailedSignInsAreCounted TestLimitedSubmissionReachesNothing TestRequestsAreRateLimited TestLimitAnswerKeepsTheForm TestSwitchedOff TestSQLite TestPostgreSQL"},
	{"T13", "redirects to other sites after sign-in", "TestNextNeverLeavesTheSite FuzzNext"},
	{"T14", "requests with other host names", "TestHostsAreThoseOfThePublicURL TestOtherHostsAreRefused"},
	{"T15", "headers that claim an address or an identity", "TestAssertions"},
	{"T16", "theft and fixation of sessions", "TestSessionsEnd TestSignInAndOut TestSignInAtForeignProviders TestRevoked"},
	{"T17", "forged and mixed-up sign-ins", "TestInvalidProviderAnswersAreRefused TestForeignCallbacks TestSealedTextsCannotBeChanged TestSignInAtForeignProviders"},
	{"T18", "large and slow requests", "TestSlowRequestsDoNotHoldTheServer TestInvalidWebhooksAreRefused TestScripts TestHeaderLimitOnFC"},
	{"T19", "private pages in caches", "TestEveryAnswerIsProtected"},
	{"T20", "supply chain: a changed dependency", "TestGeneratorAndRuntimeAreTheSameVersion TestImportsOfVendorsStayInOnePlace"},
	{"T21", "a request that reads or replaces the credentials of the platform", "TestStripPlatformHeadersCopiesRequest TestCustomRuntimeInvocation TestNoInvocationOnPlainServer"},
	{"T22", "a policy that is wrong or missing", `
		TestLoadRefusesInvalidChanges TestLoadRefusesInvalidSources TestLoadRefusesInvalidPipelinesAndTokens TestLoadRefusesEmptyFile TestLoadReportsAllProblems FuzzLoad
		TestTagsFailClosed TestTagsThatCannotBeReadAllowNothing`},
	{"T23", "SQL in texts", "TestSQLite TestPostgreSQL"},
	{"T24", "clocks that disagree", "TestClockSkewRefusesClaims TestJobIsFoundDespiteClockDifference"},
	{"T25", "a database that has lost data", "TestListFirstSearchesBeforeTheFirstAttempt TestAnyScheduleWithLostStoresMakesAtMostOneJob"},
}

// TestThreatModelListsTheThreats proves that docs/explanation/threat-model.md has a row for each threat, in the
// same order and with the same words.
func TestThreatModelListsTheThreats(t *testing.T) {
	page, err := os.ReadFile("../../docs/explanation/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (T\d+) \| ([^|]+) \| [^|]+ \|$`).FindAllStringSubmatch(string(page), -1)
	if len(rows) != len(threats) {
		t.Errorf("the page has %d threats, want %d", len(rows), len(threats))
	}
	for i, row := range rows[:min(len(rows), len(threats))] {
		if row[1] != threats[i].name || row[2] != threats[i].what {
			t.Errorf("the page has %q, want %s, %s", row[0], threats[i].name, threats[i].what)
		}
	}
}

// TestEveryThreatHasItsTests proves that each threat names at least one test, and that each named test exists.
func TestEveryThreatHasItsTests(t *testing.T) {
	found := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(text, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, threat := range threats {
		if want := fmt.Sprint("T", i+1); threat.name != want {
			t.Errorf("%s stands where %s belongs", threat.name, want)
		}
		tests := strings.Fields(threat.tests)
		if len(tests) == 0 {
			t.Errorf("%s, %s: no test", threat.name, threat.what)
		}
		for _, name := range tests {
			if !found[name] {
				t.Errorf("%s, %s: there is no %s", threat.name, threat.what, name)
			}
		}
	}
	if len(threats) != 25 {
		t.Errorf("%d threats, want 25", len(threats))
	}
}
