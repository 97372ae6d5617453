package app

import (
	"cmp"
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
	"slices"
	"strings"
	"time"

	"backupportal/function/admission"
	"backupportal/function/aliyun"
	"backupportal/function/backup"
	"backupportal/function/batch"
	"backupportal/function/cache"
	"backupportal/function/draft"
	"backupportal/function/event"
	"backupportal/function/event/envelope"
	"backupportal/function/identity"
	"backupportal/function/inventory"
	"backupportal/function/lenhash"
	"backupportal/function/logging"
	"backupportal/function/metric"
	"backupportal/function/param"
	"backupportal/function/policy"
	"backupportal/function/secret"
	"backupportal/function/store"
	"backupportal/function/trace"
	"backupportal/web"
	"backupportal/web/auth"
)

// An App is the portal, ready to serve. Make it with [Wire].
type App struct {
	Handlers event.Handlers  // handle requests and events
	Service  *backup.Service // carries out submissions
	Batches  *batch.Service  // carries out many submissions as one
	Close    func() error    // writes the end of the audit trail and closes the database
}

// mostKept limits two lists that a process keeps in memory: senders that have sent too many
// requests, and names of resources.
const mostKept = 1000

// Wire builds the portal from cfg. It writes log lines to logTo, one JSON object per line. It makes
// no network call: the database is opened by the first request. The caller calls Close at the end.
// An error names the wrong setting.
func Wire(cfg Config, logTo io.Writer) (App, error) {
	log := slog.New(logging.NewHandler(slog.NewJSONHandler(logTo, nil)))
	rules, sender, err := readPolicy(cfg)
	if err != nil {
		return App{}, err
	}
	meter := metric.New(Build(), wallClock)
	cloud, err := newCloud(cfg, log, func(ctx context.Context, c aliyun.Observed) {
		meter.CloudCall(c.Operation, c.Class, time.Since(c.Began))
		trace.Ended(ctx, "cloud "+c.Operation, c.Class, c.Began)
	})
	if err != nil {
		return App{}, err
	}
	rules = rules.Tagged(cloud.DescribeInstances, wallClock)
	db, closeStore, err := openStore(cfg, log, func(ctx context.Context, operation string, began time.Time, err error) {
		meter.StoreStatement(operation, err != nil, time.Since(began))
		result := ""
		if err != nil {
			result = "error"
		}
		trace.Ended(ctx, "store "+operation, result, began)
	})
	if err != nil {
		return App{}, err
	}
	trail, err := newTrail(cfg, db, rules.Hash(), log)
	if err != nil {
		return App{}, errors.Join(err, closeStore())
	}
	service := &backup.Service{
		Cloud: cloud, Store: db, Limits: db, Requests: rules.Requests(), Policy: rules, Audit: trail, Log: log,
		Now: wallClock, NewID: rand.Text, Wait: wait, ListFirst: listFirst(cfg.ListFirst, db),
		Messenger: messengerOf(sender), Announced: make(chan struct{}, 1), Meter: meter, Warned: &backup.Hourly{},
		Expectations: &backup.Expectations{All: rules.Expectations()},
		Accounts:     rules.Aliases(), Successes: &backup.Successes{}, LogFigures: cfg.Platform != PlainServer,
		OverPace: cache.New[struct{}](mostKept, wallClock), Names: cache.New[string](mostKept, wallClock),
	}
	batches := &batch.Service{Backups: service, Store: db, Log: log, Woken: make(chan struct{}, 1), Carrier: newCarrier(cfg, cloud)}
	authenticate, signIn, err := newAuthenticator(cfg, db, trail, rules.NamesGroup)
	if err != nil {
		return App{}, errors.Join(err, closeStore())
	}
	machines := inventory.New(cloud, log, wallClock)
	batches.Finder = inventory.Tags{Inventory: machines, Rules: rules}
	traces, endTraces, err := newExporter(cfg, log)
	if err != nil {
		return App{}, errors.Join(err, closeStore())
	}
	server := &web.Server{
		Traces:    traces,
		Backups:   service,
		Batches:   batches,
		Policy:    rules,
		Inventory: machines,
		Sender:    auth.BearerTokens(rules.Tokens(), rules.Pipelines(), wallClock, authenticate),
		Mode:      cfg.AuthMode,
		SignIn:    signIn,
		Host:      hosts(cfg),
		HookBytes: hookBytes(cfg.Platform),
		RequestID: requestID,
		Demo:      cfg.emulated(),
		Zone:      cfg.Zone,
		Log:       log,
		Schedules: scheduleSubjects(),
		Proxies:   cfg.Proxies,
		Admission: newGate(cfg),
		Meter:     meter,
		Version:   Version(),
		Store: web.Store{
			Kind: db.Kind(), Ready: db.Ready, Ephemeral: cfg.Ephemeral,
			Durability: func() string { return string(db.Durability()) }, ListFirst: service.ListFirst,
		},
	}
	if !cfg.Ephemeral { // otherwise the next request may reach an instance without the draft
		server.Drafts = db
		service.ForgetDrafts = func(ctx context.Context, now time.Time) error {
			return db.ForgetDrafts(ctx, now.Add(-draft.Life))
		}
	}
	meter.Queues(queuesOf(server.Admission))
	if !cfg.MetricsToken.IsZero() {
		server.Metrics = meter.Handler(cfg.MetricsToken)
	}
	if cfg.PublicURL != nil {
		server.Origin = cfg.PublicURL.String()
	}
	log.Info("start", "platform", cfg.Platform, "auth", cfg.AuthMode, "policy", rules.Hash(), "store", db.Kind())
	if cfg.Ephemeral {
		log.Warn("submissions are stored on this instance only and may be lost; each is looked up in the cloud first: set DATABASE_URL")
	}
	sweep := func(ctx context.Context) (backup.Swept, error) { return sweepAll(ctx, service, batches, cfg.History) }
	handlers := event.Handlers{
		Web: server.Handler(), Unreadable: unreadable(server), NotMessage: notMessage(server), Submit: submit(server, rules, sweep, batches),
		Initialize: db.Ready, Log: log, Traces: traces,
	}
	end := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		return errors.Join(trail.Flush(ctx, true), endTraces(ctx), closeStore())
	}
	return App{Handlers: handlers, Service: service, Batches: batches, Close: end}, nil
}

// sweepAll makes the sweep that a timer event requests. It also removes old batches and continues open ones.
func sweepAll(ctx context.Context, service *backup.Service, batches *batch.Service, keep time.Duration) (backup.Swept, error) {
	swept, err := service.Sweep(ctx, keep)
	if err != nil {
		return swept, err
	}
	if err := batches.Forget(ctx, keep); err != nil {
		return swept, err
	}
	return swept, batches.RunOpen(ctx)
}

// hookBytes returns the maximum size of a webhook's body on the platform. On Lambda, events
// have at most 6 MB and some bodies are encoded in base64, so a larger body never arrives.
func hookBytes(on Platform) int64 {
	if on == Lambda {
		return 6 << 20
	}
	return web.MaxHook
}

// newGate returns the gate that limits how many requests are handled at the same time. It
// returns nil for the built-in runtimes of platforms, which send one request at a time.
func newGate(cfg Config) *admission.Gate {
	if cfg.Platform == FunctionCompute || cfg.Platform == Lambda {
		return nil
	}
	return admission.New(admission.Default(cmp.Or(cfg.MaxRequests, admission.DefaultSlots)))
}

// queuesOf returns the function that reads the queues of gate. A nil gate has none.
func queuesOf(gate *admission.Gate) func() []metric.Queue {
	if gate == nil {
		return nil
	}
	return func() []metric.Queue {
		now := gate.Load()
		queue := func(name string, kind admission.Kind) metric.Queue {
			return metric.Queue{Kind: name, Running: now.Running[kind], Waiting: now.Waiting[kind], Refused: now.Refused[kind]}
		}
		return []metric.Queue{
			queue("submission", admission.Submission),
			queue("read", admission.Read),
			{Kind: "watcher", Running: now.Paused},
		}
	}
}

// wait waits for d. A request that waits for the end of a job holds no slot meanwhile.
func wait(ctx context.Context, d time.Duration) error {
	return admission.Pause(ctx, d, backup.Sleep)
}

// listFirst returns the function that decides whether the cloud's list must be searched for an
// earlier job before a submission starts one.
func listFirst(mode ListFirst, db *store.DB) func() bool {
	if mode == ListAuto {
		return db.MayForget
	}
	return func() bool { return mode == ListAlways }
}

// closeTimeout limits how long the audit trail may take to write its end.
const closeTimeout = 3 * time.Second

// newCloud returns the client of the cloud. observe is called after each call; it may be nil.
func newCloud(cfg Config, log *slog.Logger, observe func(context.Context, aliyun.Observed)) (*aliyun.Client, error) {
	return aliyun.New(aliyun.Config{
		Endpoint:    cfg.CloudEndpoint,
		CA:          cfg.CloudCA,
		SystemRoots: cfg.SystemRoots,
		Log:         log,
		Proxy:       cfg.OutboundProxy,
		Credentials: credentials(cfg.Credentials),
		Waits:       admission.Lend,
		Now:         wallClock,
		Observe:     observe,
	})
}

// OpenDatabase opens the database in DATABASE_URL for a command. The caller calls closeStore at the
// end. It fails if the variable is not set or invalid; an unreachable database shows at the first
// query.
func OpenDatabase(getenv func(string) string) (db *store.DB, closeStore func() error, err error) {
	if getenv("DATABASE_URL") == "" {
		return nil, nil, errors.New("DATABASE_URL is not set: set it to the database")
	}
	c := Config{Platform: platformOf(getenv)}
	if err := c.readDatabase(getenv); err != nil {
		return nil, nil, err
	}
	return openStore(c, slog.New(slog.DiscardHandler), nil)
}

// openStore opens the database of cfg, with a function that observes its operations (see
// [store.Config]). The returned function closes it, and removes it if it was made for this
// instance. An instance of an event platform answers one request at a time, so it needs fewer
// connections than a server.
func openStore(
	cfg Config,
	log *slog.Logger,
	observe func(ctx context.Context, operation string, began time.Time, err error),
) (db *store.DB, closeStore func() error, err error) {
	connections := 2
	if cfg.Platform == PlainServer || cfg.Platform == CustomRuntime {
		connections = 8
	}
	remove := func() error { return nil }
	if cfg.Database.IsZero() {
		folder, err := os.MkdirTemp("", "backup-portal-")
		if err != nil {
			return nil, nil, fmt.Errorf("creating a folder for the database: %w", err)
		}
		remove = func() error { return os.RemoveAll(folder) }
		cfg.Database = secret.New("sqlite:" + filepath.Join(folder, "portal.db"))
	}
	db, err = store.Open(store.Config{
		URL: cfg.Database, Connections: connections, Now: wallClock, Log: log, Observe: observe, Waits: admission.Rest,
	})
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("DATABASE_URL: %w", err), remove())
	}
	return db, func() error { return errors.Join(db.Close(), remove()) }, nil
}

// unreadable returns the handler of HTTP events from which no request can be made. It answers
// with the reason.
func unreadable(server *web.Server) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		what := param.Text{En: "A value in the event has the wrong type, or a member is there twice or in other capitals. Nothing was started.", Zh: "事件中某个值的类型错误，或成员重复或名称大小写不符。未开始备份。"}
		switch {
		case errors.Is(err, event.ErrBase64):
			what = param.Text{En: "The event says that its body is base64, but the body is not valid base64. Nothing was started.", Zh: "事件声明其 body 为 base64，但 body 不是有效的 base64。未开始备份。"}
		case errors.Is(err, event.ErrUnicode):
			what = param.Text{
				En: "A text in the event is not valid Unicode: bytes that are not UTF-8, or half of a surrogate pair such as \\ud800. Nothing was started.",
				Zh: "事件中有文本不是有效的 Unicode：包含非 UTF-8 字节，或不完整的代理对（例如 \\ud800）。未开始备份。",
			}
		case errors.Is(err, event.ErrPath):
			what = param.Text{En: "The path in the event (rawPath) is not valid. Nothing was started.", Zh: "事件中的路径（rawPath）无效。未开始备份。"}
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

// credentials returns the credentials of the current invocation, or fallback if it has none. An
// instance can run longer than the credentials in its environment are valid, so those of the
// invocation are preferred.
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

// hosts returns the function that recognizes the portal's own host names. A server on loopback
// accepts only loopback names: another site could point its own name at it (DNS rebinding).
func hosts(cfg Config) func(string) bool {
	switch {
	case cfg.PublicURL != nil:
		return func(host string) bool { return host == cfg.PublicURL.Host }
	case cfg.Platform == PlainServer:
		return web.OnLoopback
	}
	return func(host string) bool { return host != "" }
}

// submit returns the door for events. The platform's permissions decide who may invoke the
// function, so all events of one kind have one principal. An event that orders a sweep, or that carries
// on with a batch, is not a submission. The change of an object asks for the preset that the policy names
// for it.
func submit(
	server *web.Server,
	rules *policy.Policy,
	sweep func(context.Context) (backup.Swept, error),
	batches *batch.Service,
) func(context.Context, event.Message) (json.RawMessage, error) {
	return func(ctx context.Context, m event.Message) (json.RawMessage, error) {
		if id, chunk, ok := batchChunk(m); ok {
			err := batches.RunChunk(ctx, id, chunk)
			if errors.Is(err, backup.ErrNotFound) {
				err = nil // the batch is forgotten: a repeat would find nothing either
			}
			return json.RawMessage(`{}`), err
		}
		if IsSweep(m.Payload) {
			swept, err := sweep(ctx)
			if err != nil {
				return nil, err
			}
			return json.Marshal(swept)
		}
		ctx = backup.WithRequestInfo(ctx, backup.RequestInfo{RequestID: requestID(ctx), Door: backup.DoorEvent})
		if slices.Contains(envelope.Objects, m.Kind) {
			body, reason := objectSubmission(rules, m)
			if reason != "" {
				return nil, &event.Rejection{Answer: server.RejectMessage(ctx, eventPrincipal(m.Kind), m.Source, reason)}
			}
			m.Payload = body
		}
		inv, _ := event.FromContext(ctx)
		message := web.Message{
			Principal: eventPrincipal(m.Kind), Key: messageKey(m.Source, m.ID), Body: m.Payload, Origin: m.Source,
			Heard: m.Kind == envelope.Direct, Retry: inv.RetryCount > 0,
		}
		if id, ok := m.ContentID(inv); ok {
			message.Key, message.ByContent = messageKey("", id), true
		}
		answer, accepted, err := server.SubmitMessage(ctx, message)
		if err == nil && !accepted {
			return nil, &event.Rejection{Answer: answer}
		}
		return answer, err
	}
}

// partsOfUploads lists the changes of OSS that begin with ObjectCreated: and make no object.
var partsOfUploads = []string{"ObjectCreated:InitiateMultipartUpload", "ObjectCreated:UploadPart", "ObjectCreated:UploadPartCopy"}

// objectSubmission returns the submission that the change of an object asks for, or the reason why it asks for
// none. Only a new object can start a backup.
func objectSubmission(rules *policy.Policy, m event.Message) (body []byte, reason string) {
	if m.Object == nil {
		return nil, "the record names no bucket and object"
	}
	if !strings.HasPrefix(m.Object.Change, "ObjectCreated:") || slices.Contains(partsOfUploads, m.Object.Change) {
		return nil, "only a new object starts a backup, no other change and no part of an upload: limit the events of the trigger"
	}
	preset, ok := rules.ObjectPreset(m.Kind, m.Object.Bucket, m.Object.Key)
	if !ok {
		return nil, "no entry of objects in the policy has this bucket and a prefix of this key: add one, or limit the trigger to a prefix"
	}
	body, _ = json.Marshal(map[string]string{"Preset": preset}) // cannot fail
	return body, ""
}

// eventPrincipal returns the principal of all events of one kind.
func eventPrincipal(kind envelope.Kind) identity.Principal {
	return identity.Principal{Kind: identity.KindEvent, Subject: "event:" + string(kind), Name: "event " + string(kind)}
}

// scheduleSubjects returns the subjects of the principals of messages that a schedule sent.
func scheduleSubjects() (subjects []string) {
	for _, kind := range envelope.Schedules {
		subjects = append(subjects, eventPrincipal(kind).Subject)
	}
	return subjects
}

// notMessage returns the function that leaves a trace of events that are no messages. An event without a kind
// has the sender "event:unknown", which no team has as a member.
func notMessage(server *web.Server) func(context.Context, event.Message, string) {
	return func(ctx context.Context, m event.Message, reason string) {
		ctx = backup.WithRequestInfo(ctx, backup.RequestInfo{RequestID: requestID(ctx), Door: backup.DoorEvent})
		server.RejectUnreadable(ctx, eventPrincipal(cmp.Or(m.Kind, "unknown")), m.Source, reason)
	}
}

// messageKey returns the idempotency key of an event, from the source and the id of the event.
// Two different pairs never get the same key, and no pair gets a key that a sender can choose
// itself, because those contain no NUL. A pair without NUL keeps the key of earlier versions,
// so that an event that is delivered again after an update starts nothing. Every other pair is
// hashed with the lengths of its texts, after two NULs.
func messageKey(source, id string) string {
	if !strings.Contains(source+id, "\x00") {
		return source + "\x00" + id
	}
	sum := lenhash.Sum(source, id)
	return "\x00\x00" + hex.EncodeToString(sum[:])
}

// IsSweep reports whether the payload of an event is exactly {"sweep":true}, which orders a sweep.
// With any other member the payload is an invalid submission.
func IsSweep(payload []byte) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(payload, &keys) == nil && len(keys) == 1 && string(keys["sweep"]) == "true"
}

// requestID returns the request id of ctx, the platform's id of the invocation, or a new one.
func requestID(ctx context.Context) string {
	if id := logging.RequestID(ctx); id != "" {
		return id
	}
	if inv, ok := event.FromContext(ctx); ok && inv.RequestID != "" {
		return inv.RequestID
	}
	return rand.Text()
}
