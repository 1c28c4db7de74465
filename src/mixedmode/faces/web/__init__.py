"""The pages: administration in a browser, on every node (the role of Tomcat)."""
