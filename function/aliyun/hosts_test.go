package aliyun

import (
	"regexp"
	"testing"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// cloudHosts are the only hosts of the cloud that a request ever goes to.
var cloudHosts = regexp.MustCompile(`\A(hbr\.[a-z0-9-]+|(sts|ecs)(\.[a-z0-9-]+)?|ecs-cn-hangzhou)\.aliyuncs\.com\z`)

// Requests go to the three services of the cloud, in regions of the table alone. T7.
func TestHostsAreTheCloudsAlone(t *testing.T) {
	for _, r := range param.Regions {
		for _, host := range []string{backupHost(r.ID), tokenHost(r.ID), instanceHost(r.ID)} {
			if !cloudHosts.MatchString(host) {
				t.Errorf("%s leads to %s", r.ID, host)
			}
		}
	}
}

// What is no region of the table never becomes part of a host's name. T7.
func TestRegionsThatAreNoneAreRefused(t *testing.T) {
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
