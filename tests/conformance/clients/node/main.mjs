// Azure SDK for JavaScript, and openai on Node's own fetch.
import assert from "node:assert/strict";
import { AzureMachineLearningWorkspaces } from "@azure/arm-machinelearning";
import { ResourceManagementClient } from "@azure/arm-resources";
import { AzureKeyCredential } from "@azure/core-auth";
import { ClientSecretCredential, DefaultAzureCredential } from "@azure/identity";
import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import ModelClient, { isUnexpected } from "@azure-rest/ai-inference";
import OpenAI from "openai";

const E = process.env;
const group = E.CONFORMANCE_GROUP.split("/").at(-1);
const platform = new ClientSecretCredential(E.ARM_TENANT_ID, E.ARM_CLIENT_ID, E.ARM_CLIENT_SECRET);
const developer = new DefaultAzureCredential();

// Does something and tells how it went; see checks.py.
async function check(name, work) {
  const began = Date.now();
  let error = null;
  try {
    await work();
  } catch (problem) {
    const cause = problem.cause ? ` (${problem.cause.code ?? problem.cause.message})` : "";
    error = `${problem.name}: ${problem.message}${cause}`;
  }
  console.log("CHECK " + JSON.stringify({ name, error, seconds: (Date.now() - began) / 1000 }));
}

async function all(pages) {
  const found = [];
  for await (const one of pages) found.push(one);
  return found;
}

const resources = new ResourceManagementClient(platform, E.ARM_SUBSCRIPTION_ID);
await check("arm-resources: a group from its making to its deletion", async () => {
  const made = await resources.resourceGroups.createOrUpdate("rg-node", { location: "eastus2" });
  assert.equal(made.id, `/subscriptions/${E.ARM_SUBSCRIPTION_ID}/resourceGroups/rg-node`);
  assert.equal(made.type, "Microsoft.Resources/resourceGroups");
  await resources.resourceGroups.beginDeleteAndWait("rg-node", { updateIntervalInMs: 20 });
  assert.equal((await resources.resourceGroups.checkExistence("rg-node")).body, false);
});
await check("arm-resources: resources of a group", async () => {
  const names = (await all(resources.resources.listByResourceGroup(group))).map((one) => one.name);
  assert.ok(names.includes(E.CONFORMANCE_STORAGE), names.join());
});

const learning = new AzureMachineLearningWorkspaces(developer, E.ARM_SUBSCRIPTION_ID);
const project = E.CONFORMANCE_PROJECT;
await check("arm-machinelearning: project, jobs, models", async () => {
  assert.equal((await learning.workspaces.get(group, project)).kind, "Project");
  const jobs = await all(learning.jobs.list(group, project));
  assert.ok(jobs.some((one) => one.name === E.CONFORMANCE_JOB));
  const models = await all(learning.modelContainers.list(group, project));
  assert.ok(models.some((one) => one.name === E.CONFORMANCE_JOB));
});
await check("arm-machinelearning: computes, online endpoints and environments are listed", async () => {
  await all(learning.computeOperations.list(group, project));
  await all(learning.onlineEndpoints.list(group, project));
  await all(learning.environmentContainers.list(group, project));
});
await check("arm-machinelearning: operations of the provider", async () => {
  await all(learning.operations.list());
});

const blobs = new BlobServiceClient(`https://${E.CONFORMANCE_STORAGE}.blob.core.windows.net`, developer);
const container = blobs.getContainerClient("node");
await check("storage-blob: written, listed, read back: names as they are, metadata as written", async () => {
  await container.create();
  const blob = container.getBlockBlobClient("it's & <here>/ü.txt");
  await blob.uploadData(Buffer.from("namaste"), { metadata: { Team: "xbox" } });
  const listed = await all(container.listBlobsFlat({ includeMetadata: true }));
  assert.deepEqual(listed.map((one) => one.name), ["it's & <here>/ü.txt"]);
  assert.deepEqual(listed[0].metadata, { Team: "xbox" });
  assert.equal((await blob.downloadToBuffer()).toString(), "namaste");
});
await check("storage-blob: 8 MiB in blocks, levels, conditions", async () => {
  const content = Buffer.alloc(8 << 20, "namaste ");
  const blob = container.getBlockBlobClient("deep/er/big.bin");
  await blob.uploadData(content, { blockSize: 1 << 20, maxSingleShotSize: 1 << 20, concurrency: 4 });
  assert.ok((await blob.downloadToBuffer()).equals(content));
  const levels = await all(container.listBlobsByHierarchy("/"));
  assert.deepEqual(levels.map((one) => one.name), ["deep/", "it's & <here>/"]);
  await assert.rejects(
    blob.upload("x", 1, { conditions: { ifNoneMatch: "*" } }),
    (problem) => problem.statusCode === 409 && problem.code === "BlobAlreadyExists",
  );
  await assert.rejects(
    blob.getProperties({ conditions: { ifMatch: '"0x0"' } }),
    (problem) => problem.statusCode === 412,
  );
});
await check("storage-blob: a container is deleted", async () => {
  await container.delete();
  assert.equal(await container.exists(), false);
});
await check("storage-blob: a shared key of the wrong kind is refused", async () => {
  const wrong = new StorageSharedKeyCredential(E.CONFORMANCE_STORAGE, Buffer.from("no").toString("base64"));
  await assert.rejects(
    new BlobServiceClient(blobs.url, wrong, { retryOptions: { maxTries: 1 } }).getProperties(),
    (problem) => problem.statusCode === 403 && problem.code === "AuthenticationFailed",
  );
});

const messages = [{ role: "user", content: "My Xbox shows error 3." }];
await check("@azure-rest/ai-inference: an answer; a wrong key", async () => {
  const client = ModelClient(E.CONFORMANCE_ENDPOINT, new AzureKeyCredential(E.CONFORMANCE_KEY));
  const answer = await client.path("/chat/completions").post({ body: { messages } });
  assert.ok(!isUnexpected(answer), JSON.stringify(answer.body));
  assert.ok(answer.body.choices[0].message.content);
  const stranger = ModelClient(E.CONFORMANCE_ENDPOINT, new AzureKeyCredential("wrong"));
  assert.equal((await stranger.path("/chat/completions").post({ body: { messages } })).status, "401");
});
const openai = new OpenAI({ baseURL: `${E.CONFORMANCE_ENDPOINT}/v1`, apiKey: E.CONFORMANCE_KEY, maxRetries: 0 });
await check("openai on fetch: an answer goes through the emulator", async () => {
  const answer = await openai.chat.completions.create({ model: "m", messages });
  assert.ok(answer.choices[0].message.content);
});
await check("openai on fetch: a stream says the same as the whole", async () => {
  const whole = await openai.chat.completions.create({ model: "m", messages, temperature: 0 });
  let said = "";
  const stream = await openai.chat.completions.create({ model: "m", messages, temperature: 0, stream: true });
  for await (const piece of stream) said += piece.choices[0]?.delta?.content ?? "";
  assert.equal(said, whole.choices[0].message.content);
});
