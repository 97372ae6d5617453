'use strict';

// The story that every client tells: into the other account, one backup, look,
// cancel, look again. What it saw goes to standard output as one line of JSON;
// function/emulator/clients_test.go compares that with the emulator's ledger.
//
//   node CLIENT.js ADDRESS KEY SECRET ROLE-ARN INSTANCE [WAY]

const versions = { sts: '2015-04-01', hbr: '2017-09-08' };

// tell wants call(keys, product, action, query, form), which returns the answer's
// body and throws an error with a code for a refusal.
async function tell(call, { key, secret, role, instance }) {
  const own = { accessKeyId: key, accessKeySecret: secret };
  const said = {};

  said.refused = await call({ ...own, accessKeySecret: 'wrong' }, 'sts', 'GetCallerIdentity', {}, {})
    .then(() => 'nothing', (err) => err.code);

  const assumed = await call(own, 'sts', 'AssumeRole', { RoleArn: role, RoleSessionName: 'foreign-client' }, {});
  said.arn = assumed.AssumedRoleUser.Arn;
  const keys = {
    accessKeyId: assumed.Credentials.AccessKeyId,
    accessKeySecret: assumed.Credentials.AccessKeySecret,
    securityToken: assumed.Credentials.SecurityToken,
  };

  // The name has what the two schemes and a form encode in different ways.
  const created = await call(keys, 'hbr', 'CreateBackupJob',
    { SourceType: 'UDM_ECS', InstanceId: instance, JobName: "a b*c~d+é!'()&=%/?", Retention: 7 },
    { Detail: JSON.stringify({ doCopy: false }) });
  said.code = created.Code;
  said.job = created.JobId;

  const status = async () => {
    const listed = await call(keys, 'hbr', 'DescribeBackupJobs2',
      { SourceType: 'UDM_ECS', PageSize: 50, Filters: [{ Key: 'JobId', Operator: 'IN', Values: [said.job] }] }, {});
    return listed.BackupJobs.BackupJob.map((job) => `${job.JobId} ${job.Status}`);
  };
  said.before = await status();
  said.cancelled = (await call(keys, 'hbr', 'CancelBackupJob', { JobId: said.job }, {})).Success;
  said.after = await status();
  return said;
}

// run is the whole program of a client: connect(address, way) makes its call.
exports.run = function run(connect) {
  const [address, key, secret, role, instance, way] = process.argv.slice(2);
  tell(connect(address, way), { key, secret, role, instance }).then(
    (said) => console.log(JSON.stringify(said)),
    (err) => { console.error(err); process.exitCode = 1; });
};
exports.versions = versions;
