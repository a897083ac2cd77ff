"""The portal: pages for supervisors and sysadmins, served by the daemon itself."""
