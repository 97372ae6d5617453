package emulator

import "net/http"

// cancelBackupJob is HBR CancelBackupJob. Its success says that the request was
// accepted: the job is CANCELING for a moment, and then CANCELED. What the
// service says of a job that has ended is not documented; BadRequest stands in
// its error table.
func (s *hbrService) cancelBackupJob(k *call) (any, error) {
	p := k.params
	if p["JobId"] == "" {
		return nil, missing("JobId")
	}
	if err := checkOneOf(p, "Edition", "BASIC", "STANDARD"); err != nil {
		return nil, err
	}
	found := s.jobs.named([]string{p["JobId"]}, home{k.caller.account.ID, k.region})
	if len(found) == 0 {
		return nil, notFound("JobId", p["JobId"])
	}
	if id := p["VaultId"]; id != "" && found[0].params["VaultId"] != id {
		return nil, notFound("VaultId", id)
	}
	if !s.jobs.cancel(p["JobId"], k.at) {
		return nil, refuse(http.StatusBadRequest, "BadRequest", "the job %s has ended", p["JobId"])
	}
	return success(k), nil
}
