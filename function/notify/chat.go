package notify

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"backupportal/function/backup"
	"backupportal/function/param"
)

// An object is a JSON object.
type object = map[string]any

// dingTalk writes a message for a custom robot of DingTalk. With a secret, the query has the time
// in milliseconds and a signature of the time and the secret.
func dingTalk(s *Sender, r receiver, n backup.Notice) (outgoing, error) {
	m := s.message(r, n)
	text := "#### " + m.title + "\n"
	for _, line := range m.lines {
		text += "\n- " + line.label + m.colon + line.value
	}
	if m.link != "" {
		text += "\n\n[" + m.open + "](" + m.link + ")"
	}
	body, err := json.Marshal(object{
		"msgtype": "markdown", "markdown": object{"title": m.title, "text": text}, "at": object{"isAtAll": false},
	})
	out := outgoing{body: body}
	if secret := r.Secret.Reveal(); secret != "" {
		at := strconv.FormatInt(s.cfg.Now().UnixMilli(), 10)
		out.query = url.Values{"timestamp": {at}, "sign": {sign(secret, at+"\n"+secret)}}
	}
	return out, err
}

// feishu writes a message for a custom robot of Feishu or Lark. It is of type post, in whose
// texts markup has no effect. With a secret, the body has the time in seconds and a signature:
// the HMAC of an empty text, with time and secret as the key.
func feishu(s *Sender, r receiver, n backup.Notice) (outgoing, error) {
	m := s.message(r, n)
	var content [][]object
	for _, line := range m.lines {
		content = append(content, []object{{"tag": "text", "text": line.label + m.colon + line.value}})
	}
	if m.link != "" {
		content = append(content, []object{{"tag": "a", "text": m.open, "href": m.link}})
	}
	language := "en_us"
	if r.Language == param.Chinese {
		language = "zh_cn"
	}
	message := object{
		"msg_type": "post",
		"content":  object{"post": object{language: object{"title": m.title, "content": content}}},
	}
	if secret := r.Secret.Reveal(); secret != "" {
		at := strconv.FormatInt(s.cfg.Now().Unix(), 10)
		message["timestamp"], message["sign"] = at, sign(at+"\n"+secret, "")
	}
	body, err := json.Marshal(message)
	return outgoing{body: body}, err
}

// weCom writes a message for a robot in a group of WeCom. It has no signature: the URL is the
// secret.
func weCom(s *Sender, r receiver, n backup.Notice) (outgoing, error) {
	m := s.message(r, n)
	text := "**" + m.title + "**"
	for _, line := range m.lines {
		text += "\n> " + line.label + m.colon + line.value
	}
	if m.link != "" {
		text += "\n[" + m.open + "](" + m.link + ")"
	}
	body, err := json.Marshal(object{"msgtype": "markdown", "markdown": object{"content": text}})
	return outgoing{body: body}, err
}

// slack writes a message for an incoming webhook of Slack. It has no signature: the URL is the
// secret.
func slack(s *Sender, r receiver, n backup.Notice) (outgoing, error) {
	m := s.message(r, n)
	text := "*" + m.title + "*"
	for _, line := range m.lines {
		text += "\n" + line.label + m.colon + line.value
	}
	if m.link != "" {
		text += "\n<" + m.link + "|" + m.open + ">"
	}
	body, err := json.Marshal(object{"text": text, "unfurl_links": false, "unfurl_media": false})
	return outgoing{body: body}, err
}

// checkErrcode returns an error unless the answer of DingTalk or WeCom has errcode 0.
func checkErrcode(answer []byte) error {
	var a struct {
		Errcode *int64 `json:"errcode"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Errcode == nil {
		return errors.New("the answer has no errcode")
	}
	if *a.Errcode != 0 {
		return fmt.Errorf("the receiver answered with errcode %d", *a.Errcode)
	}
	return nil
}

// checkFeishu returns an error unless the answer of Feishu confirms the message. It has code, or
// in older versions StatusCode, or both; each must be 0.
func checkFeishu(answer []byte) error {
	var a struct {
		Code   *int64 `json:"code"`
		Status *int64 `json:"StatusCode"`
	}
	if err := json.Unmarshal(answer, &a); err != nil || a.Code == nil && a.Status == nil {
		return errors.New("the answer has no code")
	}
	for _, code := range []*int64{a.Code, a.Status} {
		if code != nil && *code != 0 {
			return fmt.Errorf("the receiver answered with code %d", *code)
		}
	}
	return nil
}

// slackOK returns an error unless the answer of Slack is “ok”.
func slackOK(answer []byte) error {
	if strings.TrimSpace(string(answer)) != "ok" {
		return errors.New("the answer is not \"ok\"")
	}
	return nil
}
