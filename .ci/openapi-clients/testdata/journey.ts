// This program uses the types that openapi-typescript generates from the OpenAPI document: it makes a
// backup, waits for it, cancels another one and lists both.
import createClient from "openapi-fetch";
import type { components, paths } from "./portal.js";

const client = createClient<paths>({ baseUrl: process.argv[2]! });

type Job = components["schemas"]["BackupJob"];
type Submission = components["schemas"]["Submission"];

/** The body of the example in README.md. */
const fromREADME: Submission = {
  Account: "demo",
  Region: "cn-hangzhou",
  SourceType: "UDM_ECS",
  InstanceId: "i-bp1demoweb01",
  Retention: 15,
};

/** Detail as in the vendor's sample, with every key. */
const withDetail: Submission = {
  Account: "demo",
  Region: "cn-hangzhou",
  InstanceId: "i-bp1demodb01",
  Retention: 15,
  Detail: {
    doCopy: false,
    destinationRegionId: "",
    destinationRetention: null,
    diskIdList: [],
    snapshotGroup: false,
    appConsistent: false,
    enableWriters: true,
    preScriptPath: "",
    postScriptPath: "",
    enableFsFreeze: true,
    timeoutInSeconds: 30,
  },
};

/** A backup across accounts by Cloud Backup, and files with a speed limit: these only need to compile. */
export const others: Submission[] = [
  {
    Region: "cn-hangzhou",
    InstanceId: "i-bp2demopay01",
    Retention: 7,
    CrossAccountType: "CROSS_ACCOUNT",
    CrossAccountUserId: 2000000000000002,
    CrossAccountRoleName: "hbrcrossrole",
  },
  {
    Account: "demo",
    Region: "cn-hangzhou",
    SourceType: "ECS_FILE",
    InstanceId: "i-bp1demoweb01",
    VaultId: "v-0001demovault01",
    Retention: 30,
    Include: ["/home/alice/*.pdf"],
    SpeedLimit: "0:24:NaN",
  },
  {
    Account: "demo",
    Region: "cn-hangzhou",
    SourceType: "CONTAINER",
    ContainerClusterId: "cc-0001democluster",
    VaultId: "v-0001demovault01",
    Retention: 7,
    ContainerResources: [{ resourceType: "PV", backupMethod: "FILE", resourceId: "674dac6d", pvPath: "/" }],
  },
];

/** Ends the program with the reason. */
function fail(what: string, answer: unknown): never {
  throw new Error(`${what}: ${JSON.stringify(answer)}`);
}

/** Makes a backup and returns its id. */
async function start(key: string, body: Submission): Promise<string> {
  const { data, error, response } = await client.POST("/api/v1/backup-jobs", {
    params: { header: { "Idempotency-Key": key } },
    body,
  });
  if (data === undefined) fail("creating", error);
  if (response.status !== 201 || !("Status" in data)) fail("creating", data);
  const location = response.headers.get("Location");
  if (location !== `/api/v1/backup-jobs/${data.SubmissionId}`) fail("Location", location);
  return data.SubmissionId;
}

/** Waits until a submission has an outcome. */
async function waitFor(id: string, want: Job["Outcome"]): Promise<void> {
  for (let n = 0; n < 5; n++) {
    const { data, error } = await client.GET("/api/v1/backup-jobs/{SubmissionId}", {
      params: { path: { SubmissionId: id }, query: { wait: "50s" } },
    });
    if (data === undefined) fail("waiting", error);
    if (data.Outcome === want) return;
    if (data.Outcome !== "running" && data.Outcome !== "unknown") fail(`want ${want}`, data);
  }
  fail("the backup did not end", id);
}

const first = await start("ts-1", fromREADME);
await waitFor(first, "succeeded");

const second = await start("ts-2", withDetail);
const cancelled = await client.POST("/api/v1/backup-jobs/{SubmissionId}/cancel", {
  params: { path: { SubmissionId: second } },
});
if (cancelled.data === undefined) fail("cancelling", cancelled.error);
await waitFor(second, "cancelled");

const list = await client.GET("/api/v1/backup-jobs", { params: { query: { Whose: "mine" } } });
if (list.data === undefined) fail("listing", list.error);
const ids = list.data.BackupJobs.map((job) => job.SubmissionId);
if (!ids.includes(first) || !ids.includes(second)) fail("the history lacks a backup", ids);
