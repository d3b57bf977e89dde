/** What every webview of ours begins with. */
import { randomBytes } from "node:crypto";
import * as vscode from "vscode";

/**
 * The page whose script and style are bundled under that name. Scripts and styles only from our own bundle or with this
 * page's nonce; no connections at all. Libraries that make style elements find the nonce in `csp-nonce`.
 */
export function webviewPage(webview: vscode.Webview, scripts: vscode.Uri, name: string): string {
  const nonce = randomBytes(16).toString("base64");
  const uri = (file: string): string => webview.asWebviewUri(vscode.Uri.joinPath(scripts, file)).toString();
  const policy = [
    "default-src 'none'",
    `style-src ${webview.cspSource} 'nonce-${nonce}'`,
    `font-src ${webview.cspSource}`,
    `script-src 'nonce-${nonce}'`,
  ].join("; ");
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta property="csp-nonce" content="${nonce}">
<link rel="stylesheet" href="${uri(`${name}.css`)}">
</head>
<body data-panel="${name}">
<main id="panel"></main>
<script nonce="${nonce}" type="module" src="${uri(`${name}.js`)}"></script>
</body>
</html>`;
}
