import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./theme.css";
import "./panels/panels.css";
import "./app/app.css";
import { App } from "./app/App";
import { start } from "./app/start";

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
  void start();
}
