/** Asks whether the instance is a sandbox, and says so on the page. No key is needed. */
export async function readSandbox(client) {
  const { sandbox, sample } = await client.get('/v1/sandbox');
  document.getElementById('sandbox').hidden = !sandbox;
  return { sandbox, sample };
}
