// This program uses the client that oapi-codegen generates from the OpenAPI document: it makes a
// backup, waits for it, cancels another one and lists both.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"

	"backupportal/openapi-clients/portal"
)

// fromREADME is the body of the example in README.md.
const fromREADME = `{"Account":"demo","Region":"cn-hangzhou","SourceType":"UDM_ECS","InstanceId":"i-bp1demoweb01","Retention":15}`

func main() {
	client, err := portal.NewClientWithResponses(os.Args[1])
	if err == nil {
		err = journey(context.Background(), client)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func journey(ctx context.Context, client *portal.ClientWithResponses) error {
	var whole portal.UDMECS
	if err := json.Unmarshal([]byte(fromREADME), &whole); err != nil {
		return err
	}
	first, err := start(ctx, client, "go-1", whole)
	if err != nil {
		return err
	}
	if err := waitFor(ctx, client, first, portal.BackupJobOutcomeSucceeded); err != nil {
		return err
	}
	whole.InstanceId = "i-bp1demodb01"
	second, err := start(ctx, client, "go-2", whole)
	if err != nil {
		return err
	}
	cancelled, err := client.CancelBackupJobWithResponse(ctx, second)
	if err != nil {
		return err
	}
	if cancelled.JSON202 == nil {
		return fmt.Errorf("cancelling: %s %s", cancelled.Status(), cancelled.Body)
	}
	if err := waitFor(ctx, client, second, portal.BackupJobOutcomeCancelled); err != nil {
		return err
	}
	return listed(ctx, client, first, second)
}

// start makes a backup and returns its id. It sends the request twice: the second answer is a
// replay.
func start(ctx context.Context, client *portal.ClientWithResponses, key string, whole portal.UDMECS) (string, error) {
	var body portal.Submission
	if err := body.FromUDMECS(whole); err != nil {
		return "", err
	}
	params := &portal.CreateBackupJobParams{IdempotencyKey: key}
	made, err := client.CreateBackupJobWithResponse(ctx, params, body)
	if err != nil {
		return "", err
	}
	if made.JSON201 == nil {
		return "", fmt.Errorf("creating: %s %s", made.Status(), made.Body)
	}
	id := made.JSON201.SubmissionId
	if got, want := made.HTTPResponse.Header.Get("Location"), "/api/v1/backup-jobs/"+id; got != want {
		return "", fmt.Errorf("Location is %s, want %s", got, want)
	}
	again, err := client.CreateBackupJobWithResponse(ctx, params, body)
	if err != nil {
		return "", err
	}
	if again.StatusCode() != http.StatusOK || again.JSON200 == nil {
		return "", fmt.Errorf("repeating: %s %s", again.Status(), again.Body)
	}
	replay, err := again.JSON200.AsBackupJob()
	if err != nil || replay.SubmissionId != id {
		return "", fmt.Errorf("the repeated request has submission %s, want %s (error %v)", replay.SubmissionId, id, err)
	}
	return id, nil
}

// waitFor waits until a submission has an outcome.
func waitFor(ctx context.Context, client *portal.ClientWithResponses, id string, want portal.BackupJobOutcome) error {
	wait := "50s"
	for range 5 {
		shown, err := client.ShowBackupJobWithResponse(ctx, id, &portal.ShowBackupJobParams{Wait: &wait})
		if err != nil {
			return err
		}
		if shown.JSON200 == nil {
			return fmt.Errorf("waiting: %s %s", shown.Status(), shown.Body)
		}
		switch shown.JSON200.Outcome {
		case want:
			return nil
		case portal.BackupJobOutcomeRunning, portal.BackupJobOutcomeUnknown:
		default:
			return fmt.Errorf("%s is %s, want %s", id, shown.JSON200.Outcome, want)
		}
	}
	return errors.New("the backup did not end")
}

// listed returns an error if the history lacks a submission.
func listed(ctx context.Context, client *portal.ClientWithResponses, ids ...string) error {
	mine := portal.Mine
	list, err := client.ListBackupJobsWithResponse(ctx, &portal.ListBackupJobsParams{Whose: &mine})
	if err != nil {
		return err
	}
	if list.JSON200 == nil {
		return fmt.Errorf("listing: %s %s", list.Status(), list.Body)
	}
	found := map[string]bool{}
	for _, job := range list.JSON200.BackupJobs {
		found[job.SubmissionId] = true
	}
	for _, id := range ids {
		if !found[id] {
			return fmt.Errorf("the history lacks %s", id)
		}
	}
	return nil
}
