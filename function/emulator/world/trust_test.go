package world

import (
	"testing"
)

func TestServiceTrustForOneAccount(t *testing.T) {
	for service, want := range map[string]bool{
		CrossBackupService:                             true,
		DemoPortalAccount + "@" + CrossBackupService:   true,
		DemoPaymentsAccount + "@" + CrossBackupService: false,
		"ecs.aliyuncs.com":                             false,
	} {
		r := &Role{TrustPolicy: (&Role{TrustsServices: []string{service}}).expandTrust()}
		if got := r.TrustsService(CrossBackupService, DemoPortalAccount); got != want {
			t.Errorf("%s: %v", service, got)
		}
	}
}
