package aliyun

import (
	"regexp"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// cloudHosts matches the names of the only hosts to which the portal may send requests.
var cloudHosts = regexp.MustCompile(`\A(hbr\.[a-z0-9-]+|(sts|ecs)(\.[a-z0-9-]+)?|ecs-cn-hangzhou)\.aliyuncs\.com\z`)

// TestOnlyHostsOfTheCloudAreCalled proves that requests go only to hosts of Cloud Backup, STS
// and ECS, in regions that the program knows. A signed request to another host would reveal
// credentials (threat T7).
func TestOnlyHostsOfTheCloudAreCalled(t *testing.T) {
	for _, r := range param.Regions {
		for _, host := range []string{backupHost(r.ID), tokenHost(r.ID), instanceHost(r.ID)} {
			if !cloudHosts.MatchString(host) {
				t.Errorf("%s leads to %s", r.ID, host)
			}
		}
	}
}

// TestUnknownRegionsAreRefused proves that an unknown region never becomes part of a host name.
// A caller could otherwise direct a signed request to a host of their own (threat T7).
func TestUnknownRegionsAreRefused(t *testing.T) {
	for _, region := range []string{
		"", "cn-hangzhou.evil.example", "evil.example/cn-hangzhou", "evil.example#", "evil.example?", "cn-hangzhou@evil.example", "@evil.example", "../cn-hangzhou",
		"CN-HANGZHOU", "cn-hangzhou ", "cn-hangzhou\n", "cn-hangzhou\x00", "cn-hangzhou:8443", "cn-hangzhou%2eevil", "cn-hangzhou。evil", "127.0.0.1", "localhost", "cn-hangzhou.",
	} {
		op := operation{action: createBackupJob, target: backup.Target{Account: backup.Account{Access: backup.Own}, Region: region}}
		if refused := op.check(); refused == nil {
			t.Errorf("a request is built for region %q", region)
		}
	}
}
