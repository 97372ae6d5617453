package aliyun_test

import (
	"strings"
	"testing"

	"backupportal/function/aliyun"
)

// TestExplainJob proves that the explanation of a failed job does not discuss whether a job was
// started: the job exists.
func TestExplainJob(t *testing.T) {
	for code, want := range map[string]string{
		"EcsClientError": "reach the instance", "InternalError": "internal error", "UnknownError": "internal error", "InitVaultError": "vault",
		"AccessVaultFail": "vault", "BrowseFileError": "files", "ServiceUnavailable": "in time", "VaultTimeout": "in time", "Throttling.User": "too many",
		"SignatureNonceUsed": "internal error", "AssumeRole.InternalError": "internal error", "AssumeRole.ConnectTimeout": "in time", "AssumeRole.Throttling": "too many",
		"NoPermission": "does not have permission", "VaultNotExist": "vault does not exist", "InDebt": "overdue payments", "Whatever": "",
	} {
		got := (&aliyun.Client{}).ExplainJob(code)
		if (got.Means.En == "") != (want == "") || !strings.Contains(got.Means.En, want) {
			t.Errorf("ExplainJob(%q) = %q, want %q", code, got.Means.En, want)
		}
		if said := got.Means.En + got.Todo.En; strings.Contains(said, "start") {
			t.Errorf("ExplainJob(%q) says %q", code, said)
		}
	}
}

func TestExplain(t *testing.T) {
	tests := []struct {
		code   string
		means  string // part of the English sentence; empty if there is no sentence
		caller bool
	}{
		{"NoPermission", "does not have permission for this operation", false},
		{"Forbidden.RAM", "does not have permission for this operation", false},
		{"Forbidden.RiskControl", "restricted by the provider", false},
		{"Forbidden.AccessKeyDisabled", "access key of this portal is no longer valid", false},
		{"AssumeRole.NoPermission", "is not allowed to assume the role", false},
		{"AssumeRole.EntityNotExist.Role", "role does not exist in that account", false},
		{"AssumeRole.InvalidParameter.RoleArn", "The role settings", false},
		{"AssumeRole.InternalError", "Nothing was started", false},
		{"AssumeRole.Throttling.User", "too many requests", false},
		{"AssumeRole.SignatureDoesNotMatch", "access key of this portal was not accepted", false},
		{"AssumeRoleFail", "Cloud Backup is not allowed to assume its role", false},
		{"InternalError", "internal error", false},
		{"Throttling", "too many requests", false},
		{"VaultNotExist", "vault does not exist", true},
		{"InvalidParameter.Retention", "did not accept a value", true},
		{"InvalidTimeStamp.Expired", "clock of this portal", false},
		{"InvalidRegion.NotFound", "does not support this region", true},
		{"InvalidApi.NotFound", "incompatible API versions", false},
		{"MissingSecurityToken", "incomplete credentials", false},
		{"MissingInstanceId", "A required value is missing", true},
		{"portal.NoCredentials", "function has no role", false},
		{"JobRunning", "", false},
		{"AssumeRole.JobRunning", "", false},
		{"Unreadable", "", false},
		{"", "", false},
	}
	for _, test := range tests {
		got := (&aliyun.Client{}).Explain(test.code)
		if (got.Means.En == "") != (test.means == "") || !strings.Contains(got.Means.En, test.means) || got.Caller != test.caller {
			t.Errorf("Explain(%q) = %q, caller %v; want %q, %v", test.code, got.Means.En, got.Caller, test.means, test.caller)
		}
		if got.Means.En != "" && (got.Means.Zh == "" || got.Todo.En == "" || got.Todo.Zh == "") {
			t.Errorf("Explain(%q) leaves a sentence out: %+v", test.code, got)
		}
	}
}
