// Reads AsyncAPI documents with AsyncAPI's own parser: node check.mjs DOCUMENT...
// One JSON line a document: {"accepted": bool, "channels": [...], "findings": [...]}. Findings below a warning are left out.
import { Parser, fromFile } from "@asyncapi/parser";

const WARNING = 1; // 0 error, 1 warning, 2 information, 3 hint

for (const path of process.argv.slice(2)) {
  const parser = new Parser();
  const { document, diagnostics } = await fromFile(parser, path).parse();
  console.log(
    JSON.stringify({
      accepted: document !== undefined,
      channels: document?.channels().all().map((channel) => channel.address()) ?? [],
      findings: diagnostics
        .filter((finding) => finding.severity <= WARNING)
        .map((finding) => `${finding.path.join(".")}: ${finding.message}`),
    }),
  );
}
