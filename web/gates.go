package web

import (
	_ "embed"

	"backupportal/function/param"
)

// A gate is a script for a CI pipeline: it requests a backup and lets later steps run only when
// the backup is complete. People copy it from the page /docs/api.
type gate struct {
	Title param.Text
	File  string // path in the reader's repository
	Code  string // the whole text of the file
}

// The source of all gates is backup-gate.sh. The files for the CI services contain a copy of it,
// which make generate updates.
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

// gates returns the gates in the order of the page.
func gates() []gate {
	return []gate{
		{param.Text{En: "GitHub Actions", Zh: "GitHub Actions"}, ".github/workflows/deploy.yml", gateGitHub},
		{param.Text{En: "GitLab CI", Zh: "GitLab CI"}, ".gitlab-ci.yml", gateGitLab},
		{param.Text{En: "Jenkins", Zh: "Jenkins"}, "Jenkinsfile", gateJenkins},
		{param.Text{En: "Any shell", Zh: "任意 Shell"}, "backup-gate.sh", gateScript},
	}
}
