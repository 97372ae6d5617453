package aliyun_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
)

// echo returns a handler that copies everything from the request into the response.
func echo(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := json.Marshal(map[string]any{
			"Code": code, "Success": false, "RequestId": r.URL.String(), "HostId": r.Host,
			"Message": "the server string to sign is: " + r.Form.Encode() + " " + fmt.Sprint(r.Form),
		})
		w.Header().Set("Location", "https://elsewhere.example"+r.URL.RequestURI())
		answer(status, string(body))(w, r)
	}
}

// TestErrorsContainNoSecret proves that an error, in every form in which it can be printed,
// contains neither a secret of the signed request nor the request's URL.
func TestErrorsContainNoSecret(t *testing.T) {
	secrets := []string{keyMarker, secretMarker, tokenMarker, "STS.MARKER", "MARKER-sts-secret", "MARKER/sts+token", "MARKER-external", "http://", "https://", "Signature="}
	gone := httptest.NewServer(nil)
	gone.Close()
	faults := map[string]http.HandlerFunc{
		"signature": echo(400, "SignatureDoesNotMatch"), "parameter": echo(400, "InvalidParameter.Policy"), "missing": echo(400, "MissingParameter"),
		"undocumented": echo(400, "Strange"), "unreadable": echo(400, "a code in words"), "redirect": echo(307, ""), "error": echo(500, "InternalError"),
		"cut": func(w http.ResponseWriter, _ *http.Request) { dropConnection(w, "") }, "no HTTP": func(w http.ResponseWriter, r *http.Request) { dropConnection(w, r.URL.String()+"\r\n\r\n") },
	}
	for name, fault := range faults {
		for _, action := range []string{"AssumeRole", "CreateBackupJob", "DescribeBackupJobs2"} {
			t.Run(name+"/"+action, func(t *testing.T) {
				answers := map[string]http.HandlerFunc{"AssumeRole": assumes(time.Hour), "CreateBackupJob": fault, "DescribeBackupJobs2": fault}
				if action == "AssumeRole" {
					answers[action] = fault
				}
				server := newCloud(t, answers)
				err := callOf(t, clientOf(t, server.URL), action)
				if m := contains(printed(t, err), append(secrets, server.URL)...); m != "" {
					t.Errorf("%q comes out in %s", m, printed(t, err))
				}
			})
		}
	}
	t.Run("nobody listens", func(t *testing.T) {
		err := callOf(t, clientOf(t, gone.URL), "CreateBackupJob")
		if m := contains(printed(t, err), append(secrets, strings.TrimPrefix(gone.URL, "http://"))...); m != "" {
			t.Errorf("%q comes out in %s", m, printed(t, err))
		}
	})
}

func callOf(t *testing.T, client *aliyun.Client, action string) error {
	t.Helper()
	var err error
	if action == "DescribeBackupJobs2" {
		_, err = client.DescribeBackupJobs2(t.Context(), assumedCall().Target, backup.JobFilter{})
	} else {
		_, err = client.CreateBackupJob(t.Context(), assumedCall())
	}
	if err == nil {
		t.Fatal("no error")
	}
	return err
}

// printed returns err in every form in which it can be printed.
func printed(t *testing.T, err error) string {
	t.Helper()
	failed := cloudError(t, err)
	text, jsonErr := json.Marshal(failed)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Warn("failed", "error", err, "value", *failed)
	}
	fmt.Fprintf(&out, "%v %+v %#v %+v %#v %q %s", err, err, err, *failed, *failed, err, text)
	for err := errors.Unwrap(err); err != nil; err = errors.Unwrap(err) {
		fmt.Fprintf(&out, "%+v %#v", err, err)
	}
	return out.String()
}

func TestMessagesAreCleanedAndCut(t *testing.T) {
	for message, want := range map[string]string{
		"Retention is wrong":                        "Retention is wrong",
		"a\tb\u202ec\u2028d":                        "a\ufffdb\ufffdc\ufffdd",
		strings.Repeat("长", 301):                    strings.Repeat("长", 299) + "…",
		strings.Repeat("长", 300):                    strings.Repeat("长", 300),
		"key LTAI5tAbCdEfGhIjKlMnOpQr is disabled":  "",
		"token of STS.NUabcdefghijklmn has expired": "",
		"STS.mentioned, LTAI too":                   "STS.mentioned, LTAI too",
	} {
		body, _ := json.Marshal(map[string]any{"Code": "InvalidParameter", "Message": message, "RequestId": "no id\n"})
		server := newCloud(t, map[string]http.HandlerFunc{"CreateBackupJob": answer(400, string(body))})
		_, err := clientOf(t, server.URL).CreateBackupJob(t.Context(), instanceCall())
		if failed := cloudError(t, err); failed.Message != want || failed.RequestID != "" {
			t.Errorf("message %q became %q, request id %q", message, failed.Message, failed.RequestID)
		}
	}
}
