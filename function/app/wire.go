package app

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/identity"
	"backupportal/function/lenhash"
	"backupportal/function/logging"
	"backupportal/function/notify"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/web"
	"backupportal/web/auth"
)

// An App is the portal, ready to serve.
type App struct {
	Doors   event.Doors     // how requests and events come in
	Service *backup.Service // what they ask for
	Close   func() error    // writes the end of the audit trail; closes the database
}

// Wire puts the portal together as cfg says. Log lines go to logTo as JSON, one a
// line. It opens the database when the first request needs it, and calls no
// other server. The caller ends the App with Close. An error names the setting
// that is wrong.
func Wire(cfg Config, logTo io.Writer) (App, error) {
	log := slog.New(logging.NewHandler(slog.NewJSONHandler(logTo, nil)))
	data, err := os.ReadFile(cfg.PolicyFile)
	if err != nil {
		return App{}, fmt.Errorf("the policy: %w", err)
	}
	rules, err := policy.Load(data, cfg.Getenv)
	if err != nil {
		return App{}, fmt.Errorf("the policy %s: %w", cfg.PolicyFile, err)
	}
	cloud, err := aliyun.New(aliyun.Config{
		Endpoint: cfg.CloudEndpoint, CA: cfg.CloudCA, Credentials: credentials(cfg.Credentials),
	})
	if err != nil {
		return App{}, err
	}
	rules = rules.Tagged(cloud.DescribeInstances, wallClock)
	messenger, err := messengerOf(cfg, rules.Notifications())
	if err != nil {
		return App{}, err
	}
	db, forget, err := openStore(cfg, log)
	if err != nil {
		return App{}, err
	}
	trail, err := newTrail(cfg, db, rules.Hash(), log)
	if err != nil {
		return App{}, errors.Join(err, forget())
	}
	service := &backup.Service{
		Cloud: cloud, Store: db, Limits: db, Requests: rules.Requests(), Policy: rules, Audit: trail, Log: log,
		Now: wallClock, NewID: rand.Text, Wait: backup.Sleep, ListFirst: cfg.ListFirst,
		Messenger: messenger, Announced: make(chan struct{}, 1),
	}
	find, signIn, err := newAuthenticator(cfg, db, trail, rules.NamesGroup)
	if err != nil {
		return App{}, errors.Join(err, forget())
	}
	server := &web.Server{
		Backups:   service,
		Policy:    rules,
		Who:       auth.Machines(rules.Tokens(), rules.Pipelines(), wallClock, find),
		SignIn:    signIn,
		Host:      hosts(cfg),
		RequestID: requestID,
		Demo:      cfg.emulated(),
		Zone:      zone,
		Log:       log,
		Proxies:   cfg.Proxies,
		Store:     web.Store{Kind: db.Kind(), Ready: db.Ready, Ephemeral: cfg.Ephemeral},
	}
	if cfg.PublicURL != nil {
		server.Origin = cfg.PublicURL.String()
	}
	log.Info("start", "platform", cfg.Platform, "auth", cfg.AuthMode, "policy", rules.Hash(), "store", db.Kind())
	if cfg.Ephemeral {
		log.Warn("submissions are kept on this instance only and may be forgotten; each is looked up in the cloud first: set DATABASE_URL")
	}
	sweep := func(ctx context.Context) (backup.Swept, error) { return service.Sweep(ctx, cfg.History) }
	doors := event.Doors{Web: server.Handler(), Unreadable: unreadable(server), Submit: submit(server, sweep), Log: log}
	end := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		return errors.Join(trail.Flush(ctx, true), forget())
	}
	return App{Doors: doors, Service: service, Close: end}, nil
}

// lastWords is how long the audit trail may take when the program ends.
const lastWords = 3 * time.Second

// zone is that of the times that people read.
var zone = time.FixedZone("UTC+8", 8*3600)

// CheckReceivers reports what is wrong with the receivers of notifications that a
// policy names.
func CheckReceivers(n backup.Notifications) error {
	_, err := messengerOf(Config{}, n)
	return err
}

// messengerOf is who tells others of events; nil if the policy names nobody.
// Receivers on this machine are for tests, as a cloud on this machine is.
func messengerOf(cfg Config, n backup.Notifications) (backup.Messenger, error) {
	if n.Receivers == nil {
		return nil, nil
	}
	return notify.New(notify.Config{
		Notifications: n,
		PublicURL:     cfg.PublicURL,
		Zone:          zone,
		Now:           wallClock,
		Loopback:      cfg.emulated(),
	})
}

// OpenDatabase opens the database that DATABASE_URL names, for a command. The
// caller ends it with closeStore. An error says that the variable is not set or
// wrong; whether the database answers shows at the first use.
func OpenDatabase(getenv func(string) string) (db *store.DB, closeStore func() error, err error) {
	if getenv("DATABASE_URL") == "" {
		return nil, nil, errors.New("DATABASE_URL is not set: say which database is meant")
	}
	c := Config{Platform: platformOf(getenv)}
	if err := c.readDatabase(getenv); err != nil {
		return nil, nil, err
	}
	return openStore(c, slog.New(slog.DiscardHandler))
}

// openStore opens the database. Instances of the event platforms answer one
// request at a time, a server many. What closes it also removes a database that
// ends with the instance.
func openStore(cfg Config, log *slog.Logger) (db *store.DB, forget func() error, err error) {
	connections := 2
	if cfg.Platform == PlainServer || cfg.Platform == CustomRuntime {
		connections = 8
	}
	remove := func() error { return nil }
	if cfg.Database.IsZero() {
		folder, err := os.MkdirTemp("", "backup-portal-")
		if err != nil {
			return nil, nil, fmt.Errorf("a folder for submissions: %w", err)
		}
		remove = func() error { return os.RemoveAll(folder) }
		cfg.Database = secret.New("sqlite:" + filepath.Join(folder, "portal.db"))
	}
	db, err = store.Open(store.Config{URL: cfg.Database, Connections: connections, Now: wallClock, Log: log})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("DATABASE_URL: %w", err), remove())
	}
	return db, func() error { return errors.Join(db.Close(), remove()) }, nil
}

// unreadable words what can be wrong with a platform's event.
func unreadable(server *web.Server) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		what := param.Text{En: "The event has a value of the wrong type, or a member twice or in other capitals. Nothing was started.", Zh: "事件中有类型错误、重复或名称大小写不符的值。未开始备份。"}
		switch {
		case errors.Is(err, event.ErrBase64):
			what = param.Text{En: "The event says that its body is base64, and it is not. Nothing was started.", Zh: "事件声明其 body 为 base64，但并非如此。未开始备份。"}
		case errors.Is(err, event.ErrPath):
			what = param.Text{En: "The path in the event (rawPath) is no path. Nothing was started.", Zh: "事件中的路径（rawPath）无效。未开始备份。"}
		case errors.Is(err, event.ErrVersion):
			what = param.Text{En: "The version of the event must be v1 (Function Compute) or 2.0 (Lambda). Nothing was started.", Zh: "事件的 version 必须为 v1（函数计算）或 2.0（Lambda）。未开始备份。"}
		case errors.Is(err, event.ErrMethod):
			what = param.Text{En: "The method in the event (requestContext.http.method) cannot be read. Nothing was started.", Zh: "无法读取事件中的请求方法（requestContext.http.method）。未开始备份。"}
		case errors.Is(err, event.ErrQuery):
			what = param.Text{En: "The query in the event cannot be read: queryParameters with version v1, rawQueryString with version 2.0. Nothing was started.", Zh: "无法读取事件中的查询参数：version 为 v1 时须使用 queryParameters，为 2.0 时须使用 rawQueryString。未开始备份。"}
		}
		server.Unreadable(w, r, what)
	}
}

// credentials prefers those that came with the invocation: an instance can
// outlive the ones in its environment.
func credentials(fallback aliyun.Credentials) func(context.Context) (aliyun.Credentials, error) {
	return func(ctx context.Context) (aliyun.Credentials, error) {
		if inv, ok := event.FromContext(ctx); ok && !inv.Credentials.IsZero() {
			c := inv.Credentials
			return aliyun.Credentials{
				AccessKeyID:     c.AccessKeyID.Reveal(),
				AccessKeySecret: c.AccessKeySecret,
				SecurityToken:   c.SecurityToken,
			}, nil
		}
		return fallback, nil
	}
}

// hosts says which names the portal answers to. A server on loopback answers
// to loopback alone, so that no other site can be pointed at it.
func hosts(cfg Config) func(string) bool {
	switch {
	case cfg.PublicURL != nil:
		return func(host string) bool { return host == cfg.PublicURL.Host }
	case cfg.Platform == PlainServer:
		return web.OnLoopback
	}
	return func(host string) bool { return host != "" }
}

// submit is the door for events. Whoever may invoke the function may send
// any of them, so all have one principal. One of them asks for no backup.
func submit(
	server *web.Server,
	sweep func(context.Context) (backup.Swept, error),
) func(context.Context, event.Message) (json.RawMessage, error) {
	return func(ctx context.Context, m event.Message) (json.RawMessage, error) {
		if IsSweep(m.Payload) {
			swept, err := sweep(ctx)
			if err != nil {
				return nil, err
			}
			return json.Marshal(swept)
		}
		ctx = backup.WithRequestInfo(ctx, backup.RequestInfo{RequestID: requestID(ctx), Door: backup.DoorEvent})
		p := identity.Principal{
			Kind:    identity.KindEvent,
			Subject: "event:" + string(m.Kind),
			Name:    "event " + string(m.Kind),
		}
		answer, accepted, err := server.SubmitMessage(ctx, web.Message{
			Principal: p, Key: messageKey(m.Source, m.ID), Body: m.Payload, Heard: m.Kind == envelope.Direct,
		})
		if err == nil && !accepted {
			return nil, &event.Rejection{Answer: answer}
		}
		return answer, err
	}
}

// messageKey returns the idempotency key of an event. Two different pairs never
// have the same key, and no pair has one that a sender can choose itself: those
// hold no NUL. A pair without NUL keeps the key that earlier versions gave it, so
// that an event that is delivered again after an update starts nothing. Any other
// pair is written with lengths, behind two NULs.
func messageKey(source, id string) string {
	if !strings.Contains(source+id, "\x00") {
		return source + "\x00" + id
	}
	sum := lenhash.Sum(source, id)
	return "\x00\x00" + hex.EncodeToString(sum[:])
}

// IsSweep reports whether the payload of an event is {"sweep":true}: the order
// of a timer to bring the history up to date. Anything beside it makes it a
// submission, and a wrong one.
func IsSweep(payload []byte) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(payload, &keys) == nil && len(keys) == 1 && string(keys["sweep"]) == "true"
}

// requestID is the id that ctx has, the platform's name for the request, or a
// new one.
func requestID(ctx context.Context) string {
	if id := logging.RequestID(ctx); id != "" {
		return id
	}
	if inv, ok := event.FromContext(ctx); ok && inv.RequestID != "" {
		return inv.RequestID
	}
	return rand.Text()
}

// wallClock drops the monotonic clock, which stands still in frozen instances.
func wallClock() time.Time { return time.Now().Round(0) }
