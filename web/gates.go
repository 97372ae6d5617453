package web

import (
	_ "embed"

	"backupportal/function/param"
)

// A gate is a step of a pipeline that asks for a backup, and lets what comes
// after it run only once the backup is complete. Its code is to be copied.
type gate struct {
	Title param.Text
	File  string // what the file is called where it is pasted
	Code  string
}

// The script is written once. Those of the CI services hold a copy of it, which
// make generate writes.
var (
	//go:embed gates/backup-gate.sh
	gateScript string
	//go:embed gates/github-actions.yml
	gateGitHub string
	//go:embed gates/gitlab-ci.yml
	gateGitLab string
	//go:embed gates/Jenkinsfile
	gateJenkins string
)

// gates are the gates that are offered, in the order in which they are shown.
func gates() []gate {
	return []gate{
		{param.Text{En: "GitHub Actions", Zh: "GitHub Actions"}, ".github/workflows/deploy.yml", gateGitHub},
		{param.Text{En: "GitLab CI", Zh: "GitLab CI"}, ".gitlab-ci.yml", gateGitLab},
		{param.Text{En: "Jenkins", Zh: "Jenkins"}, "Jenkinsfile", gateJenkins},
		{param.Text{En: "Any shell", Zh: "任意 Shell"}, "backup-gate.sh", gateScript},
	}
}
