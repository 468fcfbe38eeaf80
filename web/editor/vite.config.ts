import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.MEZZOTINT_SERVER ?? "http://127.0.0.1:8188";
/** All that is neither the page nor its modules. */
const ROUTES = "^/(?!@|src/|node_modules/|index.html|$|\\?)";

export default defineConfig({
  plugins: [react()],
  base: "./",
  build: { outDir: "../static", emptyOutDir: true, target: "es2022", assetsDir: "assets", chunkSizeWarningLimit: 1200 },
  server: {
    // `npm run dev` beside a running server: the page comes from here, everything else from there
    proxy: { [ROUTES]: { target: server, ws: true } },
  },
  test: { include: ["tests/**/*.test.ts", "src/**/*.test.{ts,tsx}"], environment: "node", testTimeout: 60_000 },
});
